/** Connections that each make one request and then stay: held by a program of ours, idle-client.ts. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LoadTools } from './load.ts';

const PROGRAM = fileURLToPath(new URL('idle-client.ts', import.meta.url));
/** Of descriptors, for a proxy's connections to its backends and all else it has open. */
const RESERVE = 1_000;

/** @returns `wanted`, or as many as one process may have descriptors for */
export function mostConnections(wanted: number): number {
  const limit = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return limit === undefined || limit === 'unlimited' ? wanted : Math.max(1, Math.min(wanted, Number(limit) - RESERVE));
}

/** Resolves when all of them have had their answer. `release` closes them. @throws when the program fails */
export async function holdIdleConnections({ rig, core }: LoadTools, port: number, count: number): Promise<{ failures: number; release: () => Promise<void> }> {
  const child = rig.spawn(process.execPath, [PROGRAM, String(port), String(count)], core, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the idle connections' program ended (exit ${code}): ${complaint.trim()}`)));
    child.stdout!.setEncoding('utf8').once('data', resolve);
  });
  const { failures } = JSON.parse(line) as { failures: number };
  return {
    failures,
    release() {
      child.stdin!.end();
      return ended;
    },
  };
}
