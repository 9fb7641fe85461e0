/** Load by h2load over HTTP/1.1: a number of requests, each carried to its end, so that large bodies are counted exactly. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from '../statistics.ts';
import { runToEnd, type LoadResult, type LoadTools } from './load.ts';

export interface UploadLoad {
  path: string;
  connections: number;
  requests: number;
  /** The body of each request. */
  file: string;
  bodyBytes: number;
}

/** @throws when h2load is missing or fails */
export async function runUploads({ rig, h2load, core }: LoadTools, port: number, { path, connections, requests, file, bodyBytes }: UploadLoad): Promise<LoadResult> {
  if (h2load === undefined) throw new Error('h2load makes this load, and is not installed: apt-get install nghttp2-client');
  const log = join(rig.folder, 'h2load.log');
  rmSync(log, { force: true });
  const args = ['--h1', '-t', '1', '-c', String(connections), '-n', String(requests), '-d', file, `--log-file=${log}`, `http://127.0.0.1:${port}${path}`];
  const { succeeded, ...rest } = parseH2load(await runToEnd(rig, 'h2load', h2load.file, args, core));
  const times = parseH2loadLog(readFileSync(log, 'utf8'));
  return { requests: succeeded, bytes: succeeded * bodyBytes, ...rest, p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99) };
}

/** @param output what h2load printed @throws when its counts are not in it */
export function parseH2load(output: string): Pick<LoadResult, 'failures' | 'seconds' | 'complaint'> & { succeeded: number } {
  const counts = /requests: (\d+) total, .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(output);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output);
  const time = /finished in ([\d.]+)(us|ms|s|min|h)?,/.exec(output);
  if (!counts || !statuses || !time) throw new Error(`h2load printed no counts: ${output}`);
  const [, total, succeeded] = counts.map(Number);
  // A 4xx or 5xx is "failed" for h2load too; whatever did not succeed counts once.
  const failures = total! - succeeded!;
  return { succeeded: succeeded!, failures, seconds: Number(time[1]) * SECONDS_OF[time[2] ?? 's']!, ...(failures > 0 ? { complaint: `${counts[0]}; ${statuses[0]}` } : {}) };
}

const SECONDS_OF: Record<string, number> = { us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600 };

/** Microseconds of each request: the third column of `--log-file`. */
export function parseH2loadLog(text: string): number[] {
  return text.split('\n').filter((line) => line !== '').map((line) => Number(line.split('\t')[2]));
}
