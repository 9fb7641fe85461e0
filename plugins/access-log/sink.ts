/**
 * Where the lines go: pino's destination (sonic-boom), with a batch of whole lines before it. Handing over every line alone costs
 * 2 µs, most of it in measuring the growing batch again; added to a string of our own it costs 0.3 µs.
 */
import { once } from 'node:events';
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
  write(text: string): boolean;
  flush(done: (error?: Error | null) => void): void;
  flushSync(): void;
  reopen(): void;
  end(): void;
}

const FILE_MODE = 0o640;
/** To a file: large, since appending is whole whatever its size. To a pipe: what the system takes in one piece. Bytes. */
const FILE_BATCH_BYTES = 32_768;
/** What may wait for a destination that stands still; then lines are dropped and counted, never the process's memory. Bytes. */
const MAX_QUEUED_BYTES = 16_777_216;
/** How long a stop or a reload waits for a destination that stands still. Milliseconds. */
const PATIENCE_MS = 2000;

/** `path` '' = standard output. @throws SteelyardError ERR_SHARED when the file cannot be opened. */
export async function openSink(path: string, library: LibraryOfLogs): Promise<Sink> {
  const batchBytes = path === '' ? MAX_LINE_BYTES : FILE_BATCH_BYTES;
  if (path !== '') await tryOpen(path);
  // `minLength: 1`: at 0 sonic-boom's `flush` does not wait. `sync: false`: the event loop never waits for a disk.
  // A full pipe is tried again for as long as the sink lives, but must not hold the end of the process.
  let isEnding = false;
  const shape = { sync: false, minLength: 1, maxWrite: batchBytes, maxLength: MAX_QUEUED_BYTES, mode: FILE_MODE, retryEAGAIN: () => !isEnding };
  const stream = library.destination({ dest: path === '' ? 1 : path, ...shape }) as Stream;
  await once(stream, 'ready');

  let batch = '';
  const flush = (): void => {
    if (batch === '') return;
    const whole = batch;
    batch = '';
    stream.write(whole);
  };
  // A process that ends without a stop (an uncaught exception) still owes its last lines.
  const atExit = (): void => {
    isEnding = true;
    flush();
    try {
      stream.flushSync();
    } catch {
      // The destination stands still, and nobody is left to be told.
    }
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
      await within(new Promise<void>((resolve) => stream.flush(() => resolve())));
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
      flush();
      process.removeListener('exit', atExit);
      const isClosed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
      stream.end();
      await within(isClosed);
      isEnding = true;
    },
    onTrouble: () => {},
  };
  stream.on('error', (error: Error) => sink.onTrouble(error.message, 0));
  stream.on('drop', (lines: string) => sink.onTrouble('more waits than is kept', lines.split('\n').length - 1));
  return sink;
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
