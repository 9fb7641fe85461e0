/** What every generator of load tells of one run, and what it is given to make it. */
import type { Program } from '../rig/programs.ts';
import type { Rig } from '../rig/rig.ts';

/** The programs that make load, and where. */
export interface LoadTools {
  rig: Rig;
  wrk: Program;
  h2load: Program | undefined;
  /** The core for the load; the origin runs there too. */
  core: number | undefined;
}

export interface LoadResult {
  /** Requests that were answered in full. */
  requests: number;
  /** Carried for the client: what it received, or what it sent as bodies. */
  bytes: number;
  seconds: number;
  /** `undefined` = this load does not tell. */
  p50Us: number | undefined;
  p99Us: number | undefined;
  /** Connections that failed or timed out, and answers that were not 2xx or 3xx. */
  failures: number;
  /** Where there are failures: which, in the generator's words. */
  complaint?: string;
}

/** Runs a program of load to its end. @returns what it printed @throws when it fails */
export async function runToEnd(rig: Rig, name: string, command: string, args: readonly string[], core: number | undefined, env: Record<string, string> = {}): Promise<string> {
  const child = rig.spawn(command, args, core, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  let complaint = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${name} ${args.join(' ')} failed (exit ${code}): ${(complaint || output).trim()}`);
  return output;
}
