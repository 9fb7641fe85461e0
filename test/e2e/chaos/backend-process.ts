/** A backend as a process that can be killed, stopped and started again on its port. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const PROGRAM = new URL('./backend.ts', import.meta.url);

export class BackendProcess {
  port = 0;
  readonly log: string;
  #child: ChildProcess | undefined;

  constructor(log: string) {
    this.log = log;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, again on the port that it had. */
  async start(): Promise<void> {
    const child = fork(PROGRAM, [String(this.port), this.log]);
    this.#child = child;
    const [port] = (await once(child, 'message')) as [number];
    this.port = port;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child!.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}
