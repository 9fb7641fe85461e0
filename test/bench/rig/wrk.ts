/** Load by wrk: closed loop, one thread, as many requests as the other side answers. */
import { fileURLToPath } from 'node:url';
import type { Program } from './programs.ts';
import type { Rig } from './rig.ts';

const SUMMARY_SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url));

export interface WrkRun {
  url: string;
  connections: number;
  seconds: number;
  core: number;
}

/** What a load generator tells of one run. */
export interface LoadResult {
  /** Requests that were answered in full. */
  requests: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
  /** Connections that failed or timed out, and answers that were not 2xx or 3xx. */
  failures: number;
}

interface WrkSummary {
  requests: number;
  durationUs: number;
  p50Us: number;
  p99Us: number;
  failures: Record<'connect' | 'read' | 'write' | 'status' | 'timeout', number>;
}

/** @throws when wrk itself fails */
export async function runWrk(rig: Rig, wrk: Program, { url, connections, seconds, core }: WrkRun): Promise<LoadResult> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', SUMMARY_SCRIPT, url];
  const child = rig.spawn(wrk.file, args, core, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const line = output.split('\n').find((one) => one.startsWith('{'));
  if (code !== 0 || line === undefined) throw new Error(`wrk ${args.join(' ')} failed (exit ${code}): ${complaint || output}`);
  const summary = JSON.parse(line) as WrkSummary;
  const failures = Object.values(summary.failures).reduce((sum, count) => sum + count, 0);
  return { requests: summary.requests, seconds: summary.durationUs / 1e6, p50Us: summary.p50Us, p99Us: summary.p99Us, failures };
}
