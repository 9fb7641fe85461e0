/** A process of backends that can be killed, stopped and started again at its addresses. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Listens } from './origin.ts';

const PROGRAM = new URL('./origin.ts', import.meta.url);

export class OriginProcess {
  readonly #listens: Listens;
  #child: ChildProcess | undefined;

  constructor(listens: Listens) {
    this.#listens = listens;
  }

  /** Also again. @throws when it ends before it listens */
  async start(): Promise<void> {
    const child = fork(PROGRAM, [JSON.stringify(this.#listens)], { execArgv: [] });
    this.#child = child;
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`an origin ended with ${String(code)} before it listened`)));
    await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {}); // from now on it may
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
