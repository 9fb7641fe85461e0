/** Real servers and clients for tests: found, started, fed, and ended by their process id. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const SYSTEM_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];

/** The path of an installed program. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const searched = [...folders, ...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return searched.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export interface Programs<N extends string> {
  readonly paths: Record<N, string>;
  /** Why the tests that need them are skipped; '' = all are there. */
  readonly missing: string;
}

/**
 * Programs that tests cannot do without.
 * @throws Error when one is missing and STEELYARD_REQUIRE_SERVERS is 1, as in `.ci/run`: there nothing may be skipped.
 */
export function programs<N extends string>(names: readonly N[], folders: readonly string[] = []): Programs<N> {
  const found = names.map((name) => [name, findProgram(name, folders)] as const);
  const absent = found.filter(([, path]) => path === undefined).map(([name]) => name);
  const missing = absent.length === 0 ? '' : `${absent.join(', ')} not installed`;
  if (missing !== '' && process.env.STEELYARD_REQUIRE_SERVERS === '1') throw new Error(`${missing}, and STEELYARD_REQUIRE_SERVERS is 1`);
  return { paths: Object.fromEntries(found) as Record<N, string>, missing };
}

export interface Ended {
  code: number | null;
  stdout: Buffer;
  stderr: string;
}

/** A client program under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Standard output so far, once it matches. Rejects when the program ends before. */
  until(wanted: RegExp): Promise<string>;
}

export function launch(path: string, args: readonly string[], options: SpawnOptions & { input?: string | Buffer } = {}): Running {
  const child = spawn(path, args, { ...options, stdio: 'pipe' });
  const out: Buffer[] = [];
  let stderr = '';
  let look: () => void = () => {};
  child.stdout.on('data', (bytes: Buffer) => {
    out.push(bytes);
    look();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
    look();
  });
  child.stdin.on('error', () => {}); // it may end without having read everything
  if (options.input !== undefined) child.stdin.end(options.input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout: Buffer.concat(out), stderr }));
  });
  const until = (wanted: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      look = () => {
        const said = Buffer.concat(out).toString() + stderr;
        if (wanted.test(said)) resolve(said);
      };
      look();
      ended.then(({ code }) => reject(new Error(`${path} ended with ${code} before it said ${String(wanted)}: ${Buffer.concat(out).toString()}${stderr}`)), reject);
    });
  return { child, ended, until };
}

/** Runs a client program to its end. @returns its standard output. @throws Error with what it said, unless it ended with 0. */
export async function run(path: string, args: readonly string[], options: SpawnOptions & { input?: string | Buffer } = {}): Promise<Buffer> {
  const { code, stdout, stderr } = await launch(path, args, { input: '', ...options }).ended;
  if (code !== 0) throw new Error(`${path} ${args.join(' ')} ended with ${code}: ${stderr}${stdout.toString()}`);
  return stdout;
}

export interface Server {
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

/** Starts a server and waits until it says that it is ready. `stop` ends it by its id and waits for that. */
export async function serve(path: string, args: readonly string[], isReady: RegExp, options: SpawnOptions = {}): Promise<Server> {
  const server = launch(path, args, options);
  await server.until(isReady);
  return {
    stop: async (signal = 'SIGTERM') => {
      server.child.kill(signal);
      await server.ended;
    },
  };
}
