/** Steelyard as a process of its own: the command, its log line by line, its signals. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../core/bin/steelyard.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('site/balancer.config.ts', import.meta.url));
const PROBE = new URL('samples/probe.ts', import.meta.url).href;
/** The last lines, for a complaint. */
const KEPT_LINES = 30;

export interface Line {
  level?: string;
  msg: string;
}

export interface BalancerPlace {
  siteFile: string;
  probePort: number;
  workers: number;
  /** More of Node's options: `--trace-gc`, to look for a leak. */
  nodeOptions?: readonly string[];
}

export class BalancerProcess {
  readonly pid: number;
  /** Lines of the log, by level and text without its numbers and names. */
  readonly said = new Map<string, number>();
  readonly #child: ChildProcess;
  readonly #last: string[] = [];
  readonly #listeners = new Set<(line: Line) => void>();
  readonly #exit: Promise<string>;
  #hasEnded = false;
  #rest = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid!;
    child.stdout!.setEncoding('utf8').on('data', (piece: string) => this.#read(piece));
    child.stderr!.setEncoding('utf8').on('data', (piece: string) => this.#keep(`standard error: ${piece.trimEnd()}`));
    this.#exit = new Promise((resolve) => child.once('close', (code, signal) => {
      this.#hasEnded = true;
      resolve(signal ?? `code ${code}`);
    }));
  }

  /** Resolves when it serves. @throws with what it said last */
  static async start({ siteFile, probePort, workers, nodeOptions = [] }: BalancerPlace): Promise<BalancerProcess> {
    const env = { ...process.env, SOAK_SITE: siteFile, SOAK_PROBE_PORT: String(probePort) };
    const args = [...nodeOptions, '--expose-internals', '--import', PROBE, BIN, 'start', '--config', CONFIG, '--workers', String(workers), '--json'];
    const balancer = new BalancerProcess(spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    await balancer.line(({ msg }) => msg === 'ready');
    return balancer;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }
  get tail(): string {
    return this.#last.join('\n  ');
  }

  /** The next line that fits. @throws when the process ends, or `limitMs` pass, without one */
  line(fits: (line: Line) => boolean, limitMs = 60_000): Promise<Line> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
      };
      const look = (line: Line): void => {
        if (!fits(line)) return;
        done();
        resolve(line);
      };
      const fail = (why: string): void => {
        done();
        reject(new Error(`${why}. Its last lines:\n  ${this.tail}`));
      };
      const timer = setTimeout(() => fail(`the balancer did not say within ${limitMs} ms what was waited for`), limitMs);
      this.#listeners.add(look);
      void this.#exit.then((how) => fail(`the balancer ended (${how})`));
    });
  }

  /** @returns whether the reload was done; false = it was refused */
  async reload(): Promise<boolean> {
    const told = this.line(({ msg }) => msg === 'reloaded' || msg.startsWith('reload refused'));
    this.#child.kill('SIGHUP');
    return (await told).msg === 'reloaded';
  }

  /** A reader of the log that is slow for so long. */
  async pauseReading(ms: number): Promise<void> {
    this.#child.stdout!.pause();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#child.stdout!.resume();
  }

  /** @returns how it ended: `code 0` */
  async stop(limitMs = 20_000): Promise<string> {
    this.#child.kill('SIGTERM');
    const killLater = setTimeout(() => this.#child.kill('SIGKILL'), limitMs);
    const how = await this.#exit;
    clearTimeout(killLater);
    return how;
  }

  #read(piece: string): void {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop()!;
    for (const text of lines) {
      this.#keep(text);
      const line = parsed(text);
      // Without numbers, and without the folder it ran in: the result is published.
      const msg = line.msg.replaceAll(`${process.cwd()}/`, '').replaceAll(/\d+/g, '#');
      const kind = `${line.level ?? '?'}: ${msg.slice(0, 100)}`;
      this.said.set(kind, (this.said.get(kind) ?? 0) + 1);
      for (const look of this.#listeners) look(line);
    }
  }

  #keep(text: string): void {
    this.#last.push(text.slice(0, 500));
    if (this.#last.length > KEPT_LINES) this.#last.shift();
  }
}

function parsed(text: string): Line {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return { level: 'broken', msg: `not a line: ${text.slice(0, 80)}` };
  }
}
