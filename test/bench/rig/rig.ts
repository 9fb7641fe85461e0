/** Everything a run opens: a temp folder and processes. Whatever happens, `close` ends exactly these. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { treeOf } from './cpu-time.ts';
import { findProgram } from './programs.ts';

const READY_LIMIT_MS = 15_000;
const READY_STEP_MS = 50;
/** A program that was asked to end and has not by then is killed. */
const END_LIMIT_MS = 3_000;
const LOG_TAIL_LINES = 12;

export interface Start {
  name: string;
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
  /** The core to run on, `undefined` = any. Ignored where `taskset` is missing: `Rig.isPinning` tells. */
  core: number | undefined;
  /** Listens there when it is ready. */
  port: number;
}

export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), 'steelyard-bench-'));
  readonly #taskset = findProgram('taskset', '--version');
  readonly #children = new Set<ChildProcess>();
  #closing: Promise<void> | undefined;

  get isPinning(): boolean {
    return this.#taskset !== undefined;
  }

  /** Puts values in the place of `${NAME}` in a config. @returns the file in the temp folder */
  render(template: URL, name: string, values: Record<string, string | number>): string {
    const file = join(this.folder, name);
    const text = readFileSync(template, 'utf8').replaceAll(/\$\{([A-Z][A-Z_0-9]*)\}/g, (_all, key: string) => {
      const value = values[key];
      if (value === undefined) throw new Error(`${template.pathname} wants \${${key}}, which nobody gives`);
      return String(value);
    });
    writeFileSync(file, text);
    return file;
  }

  /** Resolves with the process id when the port answers. @throws with the end of the program's output when it ends or is too slow */
  async start({ name, command, args, env = {}, core, port }: Start): Promise<number> {
    const log = this.logFile(name);
    const out = openSync(log, 'a');
    const child = this.spawn(command, args, core, { stdio: ['ignore', out, out], env: { ...process.env, ...env } });
    closeSync(out);
    const until = performance.now() + READY_LIMIT_MS;
    while (!(await answers(port))) {
      const hasEnded = child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
      if (hasEnded || performance.now() > until) {
        const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ');
        throw new Error(`${name} ${hasEnded ? 'ended at once' : `does not listen on port ${port} after ${READY_LIMIT_MS} ms`}. Its output:\n  ${tail}`);
      }
      await new Promise((resolve) => setTimeout(resolve, READY_STEP_MS));
    }
    return child.pid!;
  }

  logFile(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  /** A process of this run. `taskset` becomes the program (exec), so the id is the program's own. */
  spawn(command: string, args: readonly string[], core: number | undefined, options: { stdio: ('ignore' | 'pipe' | number)[]; env?: NodeJS.ProcessEnv }): ChildProcess {
    if (this.#closing) throw new Error('the run is being ended');
    const child = this.#taskset && core !== undefined ? spawn(this.#taskset.file, ['-c', String(core), command, ...args], options) : spawn(command, args, options);
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    child.once('error', () => this.#children.delete(child));
    return child;
  }

  /** Of a process that `start` gave. */
  async end(pid: number): Promise<void> {
    await Promise.all([...this.#children].filter((child) => child.pid === pid).map(end));
  }

  /** May be called again, and while a process is being started. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([...this.#children].map(end));
      rmSync(this.folder, { recursive: true, force: true });
    })();
    return this.#closing;
  }
}

/** Asked first; then killed with its children, which a killed nginx or Node would leave behind. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const killLater = setTimeout(() => {
    for (const pid of treeOf(child.pid!).toReversed()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone with its parent.
      }
    }
  }, END_LIMIT_MS);
  await exited;
  clearTimeout(killLater);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
