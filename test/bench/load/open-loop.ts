/** Load at a fixed rate, whatever the answers do: by a program of ours, open-loop-client.ts. */
import { fileURLToPath } from 'node:url';
import { runToEnd, type LoadResult, type LoadTools } from './load.ts';

const PROGRAM = fileURLToPath(new URL('open-loop-client.ts', import.meta.url));

export interface OpenLoad {
  path: string;
  connections: number;
  /** Requests, evenly spaced. */
  perSecond: number;
  /** Counted; half a second before them is not. */
  seconds: number;
}

export interface OpenLoopResult extends LoadResult {
  /** How late requests were sent, at the 99th percentile: the generator's own doing, or all connections waiting for answers. */
  sentLateP99Us: number;
}

/** @throws when the program fails */
export async function runOpenLoop({ rig, core }: LoadTools, port: number, load: OpenLoad): Promise<OpenLoopResult> {
  return JSON.parse(await runToEnd(rig, 'open-loop-client', process.execPath, [PROGRAM, JSON.stringify({ port, ...load })], core)) as OpenLoopResult;
}
