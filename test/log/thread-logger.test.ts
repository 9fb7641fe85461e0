import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createThreadLogger, relayLine } from '../../core/src/log.ts';
import { MAX_LINE_BYTES } from '../../core/src/log/fit-line.ts';

interface Line {
  worker?: number;
  i: number;
  number: number;
  length: number;
  filler: string;
  lost?: number;
  reason?: string;
  msg: string;
}

const programOf = (name: string): string => fileURLToPath(new URL(`${name}.ts`, import.meta.url));
let folder = '';
let pipe = '';
const children: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'steelyard-log-'));
  pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true });
});

/** A pipe of the system as standard output: what Node itself would give a child is a socket. */
function start(program: string, ...args: string[]): ChildProcessWithoutNullStreams {
  const child = spawn('sh', ['-c', 'out=$1; shift; exec "$@" > "$out"', 'sh', pipe, process.execPath, programOf(program), ...args], { stdio: 'pipe' });
  children.push(child);
  return child;
}

/** A reader that is there, and reads nothing until it is told to. */
function openReader(): number {
  return openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
}

function linesOf(text: string): Line[] {
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.filter((line) => Buffer.byteLength(line) >= MAX_LINE_BYTES)).toEqual([]);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** Everything until all writers have gone. @param before a reader that leaves when this one is there: the pipe is never without. */
async function readAll(before?: number): Promise<string> {
  const chunks: Buffer[] = [];
  const stream = createReadStream(pipe).on('open', () => { if (before !== undefined) closeSync(before); });
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** What is in the pipe now. */
function readNow(reader: number): string {
  const bytes = Buffer.alloc(1_048_576);
  try {
    return bytes.toString('utf8', 0, readSync(reader, bytes));
  } catch {
    return '';
  }
}

describe('lines of several threads', () => {
  it('arrive whole, in each thread’s order, none lost, with the number of their worker', async () => {
    const [threads, each] = [3, 700];
    const child = start('writers', String(threads), String(each));
    const ended = once(child, 'exit');
    const lines = linesOf(await readAll());
    expect((await ended)[0]).toBe(0);
    for (const worker of [undefined, 1, 2, 3]) {
      const own = lines.filter((line) => line.worker === worker);
      expect(own.map(({ i }) => i)).toEqual(Array.from({ length: each }, (_, i) => i));
    }
    expect(lines.length).toBe((threads + 1) * each);
    // A line that two threads had mixed up would be no JSON, or hold a part of another's filler.
    const mixed = lines.filter(({ filler, length }) => filler !== 'é'.repeat(length >> 1) && !/^é{16,1024}\[cut\]$/.test(filler));
    expect(mixed).toEqual([]);
    expect(lines.filter(({ filler }) => filler.endsWith('[cut]')).length).toBeGreaterThan(each);
  });
});

describe('a reader', () => {
  /** Asks for lines and waits until they were logged. */
  function asker(child: ChildProcessWithoutNullStreams): { log: (count: number, bytes?: number) => Promise<void>; told: string[] } {
    const told: string[] = [];
    const replies = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    const log = async (count: number, bytes = 0): Promise<void> => {
      child.stdin.write(`${count} ${bytes}\n`);
      for (;;) {
        const { value, done } = await replies.next();
        if (done === true) throw new Error('the program has ended');
        if (value === 'done') return;
        told.push(value);
      }
    };
    return { log, told };
  }

  it('that stands still stops no thread: the lines wait, and come when it reads, also after the program’s end was asked for', async () => {
    const reader = openReader();
    const child = start('echo');
    const { log, told } = asker(child);
    // 300 KB where a pipe takes 64.
    await log(100, 3000);
    await log(1);
    expect(told).toEqual([]);
    const ended = once(child, 'exit');
    const rest = readAll(reader);
    child.stdin.end();
    expect(linesOf(await rest).map(({ number }) => number)).toEqual(Array.from({ length: 101 }, (_, i) => i));
    expect((await ended)[0]).toBe(0);
  });

  it('that stands still for too long costs lines, which are counted, told on standard error and in the log', async () => {
    const reader = openReader();
    const child = start('echo');
    const { log, told } = asker(child);
    // 4 MiB wait in the thread, 64 KiB in the pipe.
    await log(2000, 3000);
    expect(told).toEqual(['steelyard: log lines are lost, standard output cannot be written: the reader is too slow']);
    const ended = once(child, 'exit');
    const rest = readAll(reader);
    child.stdin.end();
    const lines = linesOf(await rest);
    const kept = lines.filter(({ msg }) => msg === 'logged').map(({ number }) => number);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => i));
    expect(kept.length).toBeGreaterThan(1000);
    expect((await ended)[0]).toBe(0);
    const loss = lines.at(-1)!;
    expect(loss).toMatchObject({ lost: 2000 - kept.length, reason: 'the reader is too slow', msg: `${2000 - kept.length} log lines before this one are lost` });
  });

  it('that left costs lines and no process; the next one is told how many there were', async () => {
    const first = openReader();
    const child = start('echo');
    const { log, told } = asker(child);
    await log(2);
    expect(linesOf(readNow(first)).map(({ number }) => number)).toEqual([0, 1]);
    closeSync(first);
    await log(3);
    expect(told).toEqual(['steelyard: log lines are lost, standard output cannot be written: EPIPE']);
    const second = openReader();
    await log(2);
    const lines = linesOf(readNow(second));
    closeSync(second);
    expect(lines.map(({ number, lost, reason }) => lost ? { lost, reason } : number)).toEqual([{ lost: 3, reason: 'EPIPE' }, 5, 6]);
    const ended = once(child, 'exit');
    child.stdin.end();
    expect((await ended)[0]).toBe(0);
    // Once in a while, not for every line.
    expect(told.length).toBe(1);
  });
});

describe('a line for another thread’s logger', () => {
  /** What an embedding program's own logger writes when a worker logs. */
  function relayed(log: (worker: ReturnType<typeof createThreadLogger>) => void): Record<string, unknown>[] {
    const written: Record<string, unknown>[] = [];
    const own = pino({ base: { app: 'mine' }, level: 'debug' }, { write: (line) => written.push(JSON.parse(line) as Record<string, unknown>) });
    log(createThreadLogger({ kind: 'message', level: 'debug' }, { worker: 2, onLine: (line) => relayLine(own, line) }));
    return written.map(({ time, ...rest }) => (expect(time).toBeTypeOf('number'), rest));
  }

  it('keeps its level, fields and message', () => {
    const lines = relayed((worker) => {
      worker.debug({ a: [1] }, 'one');
      worker.info('two');
      worker.child({ plugin: 'p2c' }).warn({ b: null }, 'three');
      worker.error({ msg: 'four' });
    });
    expect(lines).toEqual([
      { level: 20, app: 'mine', worker: 2, a: [1], msg: 'one' }, { level: 30, app: 'mine', worker: 2, msg: 'two' },
      { level: 40, app: 'mine', worker: 2, plugin: 'p2c', b: null, msg: 'three' }, { level: 50, app: 'mine', worker: 2, msg: 'four' },
    ]);
  });

  it('keeps the type, stack and fields of an error', () => {
    const error = Object.assign(new TypeError('boom'), { code: 'ERR_X' });
    const [line] = relayed((worker) => worker.error({ err: error }, 'it threw'));
    expect(line).toMatchObject({ level: 50, msg: 'it threw', err: { type: 'TypeError', message: 'boom', stack: error.stack, code: 'ERR_X' } });
  });

  it('is left out below the level that its form says', () => {
    const lines: string[] = [];
    const log = createThreadLogger({ kind: 'message', level: 'warn' }, { onLine: (line) => lines.push(line) });
    log.info('quiet');
    log.level = 'info';
    log.info('told');
    expect(lines.map((line) => (JSON.parse(line) as Line).msg)).toEqual(['told']);
  });
});
