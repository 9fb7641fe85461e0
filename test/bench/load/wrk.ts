/** Load by wrk: closed loop, one thread, as many requests as the other side answers. */
import { fileURLToPath } from 'node:url';
import { runToEnd, type LoadResult, type LoadTools } from './load.ts';

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));
/** wrk gives up on an answer after 2 s by default; 100 MiB through a slow proxy take longer. */
const TIMEOUT_SECONDS = 60;

export interface WrkLoad {
  path: string;
  connections: number;
  /** POST with a body of so many bytes; absent = GET. */
  bodyBytes?: number;
  /** Ask for the end of the connection after each answer. */
  isClosing?: boolean;
}

interface WrkSummary {
  requests: number;
  durationUs: number;
  bytes: number;
  p50Us: number;
  p99Us: number;
  failures: Record<'connect' | 'read' | 'write' | 'status' | 'timeout', number>;
}

/** @throws when wrk itself fails */
export async function runWrk({ rig, wrk, core }: LoadTools, port: number, seconds: number, { path, connections, bodyBytes = 0, isClosing = false }: WrkLoad): Promise<LoadResult> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, `--timeout`, `${TIMEOUT_SECONDS}s`, '-s', SCRIPT, `http://127.0.0.1:${port}${path}`];
  const env = { BENCH_BODY_BYTES: String(bodyBytes), BENCH_CLOSE: isClosing ? '1' : '0' };
  return parseWrk(await runToEnd(rig, 'wrk', wrk.file, args, core, env), bodyBytes);
}

/**
 * @param output what wrk printed, with the line of wrk.lua in it
 * @param bodyBytes of each request: where there are any, they are what was carried
 */
export function parseWrk(output: string, bodyBytes: number): LoadResult {
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no summary: ${output}`);
  const { requests, durationUs, bytes, p50Us, p99Us, failures } = JSON.parse(line) as WrkSummary;
  const kinds = Object.entries(failures).filter(([, count]) => count > 0);
  return {
    requests, bytes: bodyBytes > 0 ? requests * bodyBytes : bytes, seconds: durationUs / 1e6, p50Us, p99Us,
    failures: kinds.reduce((sum, [, count]) => sum + count, 0),
    ...(kinds.length > 0 ? { complaint: kinds.map(([kind, count]) => `${kind}: ${count}`).join(', ') } : {}),
  };
}
