/** The command as a process of its own, with two workers, and its log line by line. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { Wanted } from './balancer.config.ts';
import { CONFIG_FILE } from './support.ts';

const BIN = fileURLToPath(new URL('../../../core/bin/steelyard.js', import.meta.url));

export type Line = Record<string, unknown> & { msg: string };

export interface Command {
  readonly port: number;
  /** Everything that was written to standard output, as it came. */
  readonly text: () => string;
  /** Resolves with the first line, also a past one, that fits. @throws when the process ends without one */
  line: (fits: (line: Line) => boolean) => Promise<Line>;
  signal: (signal: NodeJS.Signals) => void;
  /** Exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
}

export async function runCommand(wanted: Wanted, ...nodeOptions: readonly string[]): Promise<Command> {
  const child = spawn(process.execPath, [...nodeOptions, BIN, 'start', '--config', CONFIG_FILE, '--workers', '2'], {
    env: { ...process.env, WORKERS_TEST: JSON.stringify(wanted), FIRST_WORKER: undefined }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  let hasEnded = false;
  const look = (): void => {
    for (const each of waiting) each();
  };
  const exit = new Promise<number | null>((resolve) => child.once('close', (code) => {
    hasEnded = true;
    resolve(code);
    look();
  }));
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
    const parts = (rest + piece).split('\n');
    rest = parts.pop()!;
    for (const part of parts) {
      try {
        lines.push(JSON.parse(part) as Line);
      } catch {
        lines.push({ msg: `not a line: ${part}` });
      }
    }
    look();
  });
  const line = (fits: (line: Line) => boolean): Promise<Line> => new Promise((resolve, reject) => {
    const lookForIt = (): void => {
      const found = lines.find(fits);
      if (found === undefined && !hasEnded) return;
      waiting.delete(lookForIt);
      if (found) resolve(found);
      else reject(new Error(`ended before it said that: ${text.slice(-2_000)}`));
    };
    waiting.add(lookForIt);
    lookForIt();
  });
  const ready = await line(({ msg }) => msg === 'ready');
  return { port: (ready.listeners as { port: number }[])[0]!.port, text: () => text, line, signal: (signal) => void child.kill(signal), exit };
}
