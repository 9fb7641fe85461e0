/** The processes of an attack: each on its own, so that one's load is not another's latency, as far as the cores go. */
import { fork, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SLOW_MODES } from './modes.ts';

export interface Started<T> {
  readonly child: ChildProcess;
  /** What it said first. */
  readonly first: T;
}

export function start<T>(file: string, ...args: string[]): Promise<Started<T>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  return new Promise((resolve, reject) => {
    child.once('message', (first) => resolve({ child, first: first as T }));
    child.once('exit', (code) => reject(new Error(`${file} ${args.join(' ')} ended with ${code}`)));
  });
}

/** What it answers to any message. */
export function askChild<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => {
    child.once('message', (answer) => resolve(answer as T));
    child.send('tell');
  });
}

/** Most resident memory so far; Linux. */
export function peakMib({ pid }: ChildProcess): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1_024;
}

/** User and system time so far, in seconds; Linux. */
export function cpuSeconds({ pid }: ChildProcess): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

export function hasSlowhttptest(): boolean {
  return spawnSync('slowhttptest', ['-h']).error === undefined;
}

export type SlowMode = (typeof SLOW_MODES)[number];
const FLAG: Record<SlowMode, readonly string[]> = { headers: ['-H', '-i', '1'], body: ['-B', '-i', '1', '-s', '1000000'], read: ['-X', '-k', '3', '-n', '1', '-z', '5', '-w', '10', '-y', '20'] };

export interface SlowRun {
  readonly child: ChildProcess;
  /** The most connections that it said were open at once. */
  readonly most: () => number;
}

/** Opened in a second. At 2,000 its own work fills a core, and on two cores nginx in our place answers others as late as we do (p99 0.6 s both). */
const SLOWHTTPTEST_RATE = 500;

export function startSlowhttptest(mode: SlowMode, port: number, connections: number, seconds: number): SlowRun {
  const url = `http://127.0.0.1:${port}/${mode === 'read' ? 'page' : ''}`;
  const child = spawn('slowhttptest', ['-c', String(connections), '-r', String(SLOWHTTPTEST_RATE), '-l', String(seconds), '-p', '5', '-u', url, ...FLAG[mode]], { stdio: ['ignore', 'pipe', 'ignore'] });
  let most = 0;
  child.stdout.on('data', (text: Buffer) => {
    for (const [, count] of text.toString('latin1').matchAll(/connected:[^\d]*?(?:\x1b\[[\d;]*m)*\s*(\d+)/g)) most = Math.max(most, Number(count));
  });
  return { child, most: () => most };
}
