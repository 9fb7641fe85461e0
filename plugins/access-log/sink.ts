/**
 * Where the lines go: pino's destination (sonic-boom), with batches of whole lines before it. Handing over every line alone costs
 * 2 µs, most of it in measuring the growing batch again; added to a string of our own it costs 0.3 µs.
 * It is given one batch at a time: what it has taken cannot be had back, and where a reader has left, pino's destination drops everything
 * without a word, and sonic-boom's last flush at the exit tries for ever.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { SteelyardError } from '@steelyard/sdk';
import { MAX_LINE_BYTES } from './lines.ts';

/** What is used of pino, so that these types can be read without it. */
export interface LibraryOfLogs {
  destination(options: object): unknown;
}

export interface Sink {
  /** One line of ASCII with its line feed; written with others, at the latest by the next `flush`. */
  write(line: string): void;
  /** Hands over what waits, and does not wait for it. */
  flush(): void;
  /** Resolves when everything is with the system, or cannot get there. */
  drain(): Promise<void>;
  /** A file is opened anew under its path: what `logrotate` asks for. @throws SteelyardError ERR_SHARED, and the old one stays in use. */
  reopen(): Promise<void>;
  close(): Promise<void>;
  /** The newest generation's ear for what goes wrong. */
  onTrouble: (reason: string, droppedLines: number) => void;
}

interface Stream extends NodeJS.EventEmitter {
  readonly fd: number;
  write(text: string): boolean;
  flushSync(): void;
  reopen(): void;
  end(): void;
}

const FILE_MODE = 0o640;
/** To a file: large, since appending is whole whatever its size. To a pipe: what the system takes in one piece. Bytes. */
const FILE_BATCH_BYTES = 32_768;
/** What may wait for a destination that stands still; then lines are dropped and counted, never the process's memory. Bytes. */
const MAX_QUEUED_BYTES = 16_777_216;
/** How long a stop, a reload or the end of the process waits for a destination that stands still. Milliseconds. */
const PATIENCE_MS = 2000;
/** How soon a destination that failed is tried again, and at the exit a full one. Milliseconds. */
const RETRY_MS = 200;
const EXIT_RETRY_MS = 20;

/** `path` '' = standard output. @throws SteelyardError ERR_SHARED when the file cannot be opened. */
export async function openSink(path: string, library: LibraryOfLogs): Promise<Sink> {
  const batchBytes = path === '' ? MAX_LINE_BYTES : FILE_BATCH_BYTES;
  if (path !== '') await tryOpen(path);
  let isEnding = false;
  /** Whole batches, the first ones first. */
  let waiting: string[] = [];
  let waitingBytes = 0;
  /** What the stream has; '' = nothing. */
  let inHand = '';
  /** The destination took nothing of it: it is full, or fails. */
  let standsStill = false;
  let whenIdle: (() => void)[] = [];
  // `minLength: 1`: at 0 sonic-boom writes what is empty too. `sync: false`: the event loop never waits for a disk.
  // A full pipe is tried again for as long as the sink lives, but must not hold the end of the process.
  const retryEAGAIN = (): boolean => ((standsStill = true), !isEnding);
  const shape = { sync: false, minLength: 1, maxWrite: batchBytes, mode: FILE_MODE, retryEAGAIN };
  const stream = library.destination({ dest: path === '' ? 1 : path, ...shape }) as Stream;
  await once(stream, 'ready');
  // pino's own ear makes the stream drop everything once a reader has left; its exit hook calls this, and would not come back.
  stream.removeAllListeners('error');
  stream.flushSync = () => {};

  const handOver = (): void => {
    if (inHand !== '' || waiting.length === 0) return;
    inHand = waiting.shift()!;
    stream.write(inHand);
  };
  const taken = (): void => {
    waitingBytes -= inHand.length;
    inHand = '';
    standsStill = false;
    handOver();
    if (inHand !== '') return;
    for (const resolve of whenIdle) resolve();
    whenIdle = [];
  };

  let batch = '';
  const endBatch = (): void => {
    if (batch === '') return;
    const whole = batch;
    batch = '';
    if (waitingBytes + whole.length > MAX_QUEUED_BYTES) return sink.onTrouble('more waits than is kept', linesIn([whole]));
    waiting.push(whole);
    waitingBytes += whole.length;
  };
  const flush = (): void => {
    endBatch();
    handOver();
  };
  // A process that ends without a stop (an uncaught exception) still owes its last lines. What the system has in hand it finishes itself.
  const atExit = (): void => {
    isEnding = true;
    endBatch();
    const owed = standsStill ? [inHand, ...waiting] : waiting;
    const fault = writeOut(stream.fd, owed);
    if (fault !== '') sink.onTrouble(fault, linesIn(owed));
  };
  process.once('exit', atExit);

  const sink: Sink = {
    write(line) {
      if (batch.length + line.length > batchBytes) flush();
      batch += line;
    },
    flush,
    async drain() {
      flush();
      if (inHand !== '') await within(new Promise<void>((resolve) => whenIdle.push(resolve)));
    },
    async reopen() {
      if (path === '') return;
      flush();
      await tryOpen(path);
      const isReady = once(stream, 'ready', { signal: AbortSignal.timeout(PATIENCE_MS) });
      stream.reopen();
      await isReady;
    },
    async close() {
      await sink.drain();
      isEnding = true;
      process.removeListener('exit', atExit);
      const left = inHand === '' ? waiting : [inHand, ...waiting];
      if (left.length > 0) sink.onTrouble('the destination stood still to the end', linesIn(left));
      waiting = [];
      const isClosed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
      stream.end();
      if (inHand === '') await within(isClosed);
    },
    onTrouble: () => {},
  };
  stream.on('drain', taken);
  stream.on('error', (error: Error) => {
    standsStill = true;
    if (isEnding) return;
    sink.onTrouble(error.message, 0);
    // It kept what it could not write, and tries again when it is given more: here nothing.
    if (inHand !== '') setTimeout(() => isEnding || stream.write(''), RETRY_MS).unref();
  });
  return sink;
}

/** At the exit there is no event loop to come back to. Takes out of `pieces` what was written; returns why not all was, '' = it was. */
function writeOut(fd: number, pieces: string[]): string {
  let tries = PATIENCE_MS / EXIT_RETRY_MS;
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (pieces.length > 0) {
    try {
      pieces[0] = pieces[0]!.slice(writeSync(fd, pieces[0]!));
      if (pieces[0] === '') pieces.shift();
    } catch (thrown) {
      const { code, message } = thrown as NodeJS.ErrnoException;
      if (code !== 'EAGAIN' || tries-- <= 0) return message;
      Atomics.wait(nobody, 0, 0, EXIT_RETRY_MS);
    }
  }
  return '';
}

function linesIn(pieces: readonly string[]): number {
  return pieces.reduce((count, piece) => count + piece.split('\n').length - 1, 0);
}

/** sonic-boom cannot be got rid of after it failed to open, so this is found out before. */
async function tryOpen(path: string): Promise<void> {
  try {
    const file = await open(path, 'a', FILE_MODE);
    await file.close();
  } catch (thrown) {
    const hint = 'does the folder exist, and may this user write to it?';
    throw new SteelyardError('ERR_SHARED', { message: `access-log cannot open ${path}`, hint, source: 'plugin', cause: thrown });
  }
}

async function within(done: Promise<void>): Promise<void> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  await Promise.race([done, once(patience, 'abort')]);
}
