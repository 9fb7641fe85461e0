/**
 * Standard output, for the lines of every thread: each line leaves in one write, which a pipe takes whole or not at all up to 4,096 bytes.
 * pino's own destination sleeps in the event loop while a pipe is full (EAGAIN), falls silent for ever once its reader has left (EPIPE), and
 * throws out of the caller's `log.info()` for any other error. Here a full pipe makes lines wait in memory, up to a limit; what is lost is
 * counted and told, in the log when it can be written again, and at once on standard error; nothing is thrown.
 */
import { writeSync } from 'node:fs';

/** Minutes of trouble in a busy process. What comes then is lost, and not the process's memory. Bytes, per thread. */
const MAX_WAITING_BYTES = 4_194_304;
/** How soon a full pipe is tried again: a reader that lives has emptied it (64 KiB) by then. Milliseconds. */
const RETRY_MS = 20;
/** How long the end of a thread waits for a reader. Milliseconds. */
const EXIT_PATIENCE_MS = 5_000;
/** Not more often than this is a loss told on standard error. Milliseconds. */
const TROUBLE_EVERY_MS = 60_000;
const STANDARD_ERROR = 2;

export interface LineOutputOptions {
  /** The file descriptor. Default 1. */
  fd?: number;
  /** Makes the line that says how many lines were lost before it, and why. */
  lossLine: (lost: number, reason: string) => string;
}

export class LineOutput {
  readonly #fd: number;
  readonly #lossLine: LineOutputOptions['lossLine'];
  /** Lines that a full pipe did not take yet; the first may have been taken in part, where it is no pipe. */
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #lost = 0;
  #lossReason = '';
  #toldAt = -Infinity;
  readonly #atExit = (): void => this.#finish();

  constructor({ fd = 1, lossLine }: LineOutputOptions) {
    this.#fd = fd;
    this.#lossLine = lossLine;
  }

  /** @param line with its line feed, of at most MAX_LINE_BYTES bytes. Never throws, never waits. */
  write(line: string): void {
    if (this.#lost > 0 && this.#waitingBytes < MAX_WAITING_BYTES / 2) this.#tellLoss();
    this.#take(Buffer.from(line));
  }

  #take(line: Buffer): void {
    if (this.#waiting.length > 0 && this.#waitingBytes + line.length > MAX_WAITING_BYTES) return this.#lose('the reader is too slow');
    if (this.#waiting.length === 0) {
      const rest = this.#send(line);
      if (rest !== undefined) this.#wait(rest);
    } else {
      this.#wait(line);
    }
  }

  /** What was not taken; `undefined` = nothing is left of it, because it is out, or lost. */
  #send(line: Buffer): Buffer | undefined {
    let rest = line;
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
      return undefined;
    } catch (thrown) {
      const { code = 'unknown' } = thrown as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return rest;
      this.#lose(code);
      return undefined;
    }
  }

  #wait(line: Buffer): void {
    if (this.#waiting.length === 0) {
      process.once('exit', this.#atExit);
      this.#tryLater();
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
  }

  /** Holds up nobody's exit: what still waits then is written by `#finish`. */
  #tryLater(): void {
    const goOn = (): void => {
      this.#empty();
      if (this.#waiting.length > 0) this.#tryLater();
      else if (this.#lost > 0) this.#tellLoss();
    };
    setTimeout(goOn, RETRY_MS).unref();
  }

  /** Writes what waits, until the pipe is full again. */
  #empty(): void {
    let sent = 0;
    for (; sent < this.#waiting.length; sent++) {
      const line = this.#waiting[sent]!;
      const rest = this.#send(line);
      this.#waitingBytes -= line.length - (rest?.length ?? 0);
      if (rest === undefined) continue;
      this.#waiting[sent] = rest;
      break;
    }
    this.#waiting.splice(0, sent);
    if (this.#waiting.length === 0) process.removeListener('exit', this.#atExit);
  }

  #lose(reason: string): void {
    this.#lost++;
    this.#lossReason = reason;
    if (performance.now() - this.#toldAt < TROUBLE_EVERY_MS) return;
    this.#toldAt = performance.now();
    tellStandardError(`log lines are lost, standard output cannot be written: ${reason}`);
  }

  /** It counts as lost again where it cannot be written either. */
  #tellLoss(): void {
    const [lost, reason] = [this.#lost, this.#lossReason];
    this.#lost = 0;
    this.#take(Buffer.from(this.#lossLine(lost, reason)));
    if (this.#lost > 0) this.#lost = lost;
  }

  /** The thread ends: there is no other turn of the event loop to wait for. */
  #finish(): void {
    const until = performance.now() + EXIT_PATIENCE_MS;
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      this.#empty();
      if (this.#waiting.length === 0 && this.#lost > 0) this.#tellLoss();
      if (this.#waiting.length === 0 || performance.now() > until) break;
      Atomics.wait(nobody, 0, 0, RETRY_MS);
    }
    const lost = this.#lost + this.#waiting.length;
    if (lost > 0) tellStandardError(`${lost} log lines are lost, standard output cannot be written: ${this.#waiting.length > 0 ? 'the reader is too slow' : this.#lossReason}`);
  }
}

function tellStandardError(message: string): void {
  try {
    writeSync(STANDARD_ERROR, `steelyard: ${message}\n`);
  } catch {
    // Nobody is left to be told.
  }
}
