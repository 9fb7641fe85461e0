/** A balancer with two workers for one test, and its log. */
import { fileURLToPath } from 'node:url';
import { createBalancer, type Balancer, type FileOptions } from '@steelyard/core';
import { pino } from 'pino';
import type { ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { httpOrigin } from '../support/origin.ts';
import type { Wanted } from './balancer.config.ts';

export const CONFIG_FILE = fileURLToPath(new URL('balancer.config.ts', import.meta.url));

export type Line = Record<string, unknown> & { msg: string; level: number };

export interface Crew {
  readonly balancer: Balancer;
  readonly port: number;
  readonly lines: Line[];
  /** Resolves with the first line, also a past one, that fits. */
  line: (fits: (line: Line) => boolean) => Promise<Line>;
}

/** What the config file reads, from now on. */
export function want(wanted: Wanted): void {
  process.env.WORKERS_TEST = JSON.stringify(wanted);
  delete process.env.FIRST_WORKER;
}

export function crewOf(options: Partial<FileOptions> = {}): Omit<Crew, 'port'> {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const logger = pino({ level: 'info' }, { write(text: string) {
    lines.push(JSON.parse(text) as Line);
    for (const look of waiting) look();
  } });
  const balancer = createBalancer({ configFile: CONFIG_FILE, logger, ...options });
  onTestFinished(async () => {
    await balancer.stop({ drainLimitMs: 200 });
  });
  const line = (fits: (line: Line) => boolean): Promise<Line> => new Promise((resolve) => {
    const look = (): void => {
      const found = lines.find(fits);
      if (found === undefined) return;
      waiting.delete(look);
      resolve(found);
    };
    waiting.add(look);
    look();
  });
  return { balancer, lines, line };
}

export async function startCrew(wanted: Wanted, options: Partial<FileOptions> = {}): Promise<Crew> {
  want(wanted);
  const crew = crewOf(options);
  await crew.balancer.start();
  return { ...crew, port: crew.balancer.address().port };
}

export interface Answer {
  status: number;
  worker: string;
  mark: string;
  text: string;
}

/** One request on a connection of its own, so that the system chooses the worker anew. */
export async function ask(port: number, path = '/'): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  const { headers, status } = response;
  return { status, worker: headers.get('x-worker') ?? '', mark: headers.get('x-mark') ?? '', text: await response.text() };
}

/** Asks until each of two workers has answered. */
export async function askBoth(port: number, path = '/'): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  while (answers.size < 2) {
    const answer = await ask(port, path);
    answers.set(answer.worker, answer);
  }
  return answers;
}

export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** An origin that holds its answers until it is told. */
export async function holdingOrigin() {
  const held: ServerResponse[] = [];
  let most = 0;
  const origin = await httpOrigin((_request, response) => {
    held.push(response);
    most = Math.max(most, held.length);
  });
  return {
    url: origin.url,
    held,
    get most() {
      return most;
    },
    release(): void {
      for (const response of held.splice(0)) response.end('held');
    },
  };
}
