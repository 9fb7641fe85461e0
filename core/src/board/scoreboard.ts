/**
 * The numbers that all threads share, in one buffer: rows for backends, and rows of counters for routes and pools. With `workers: 0` it lies in
 * an ArrayBuffer and the same code runs. Main gives rows out and writes marks, limits and drain; in-flight is a total over all threads,
 * changed atomically, with each thread's own share beside it; counters have one writer each.
 *
 * Views have a fixed length and are made anew after growth: ones that follow a growable buffer by themselves were eight times as slow (Node 26).
 */
import { grown, noRoom, reserveShared, returnShares, RESERVED_BYTES, type ScoreboardMemory, type ScoreboardOptions } from './board-memory.ts';
import { BLOCK_BYTES, HEADER_BYTES, LINE_BYTES, MAX_SOURCES, MAX_WORKERS, rowBytesOf, SHARED_BYTES } from './layout.ts';
import { ThreadHeaders, type ThreadGauges } from './thread-gauges.ts';

export { MAX_SOURCES, MAX_WORKERS };
export type { ScoreboardMemory } from './board-memory.ts';
export type { ThreadGauges } from './thread-gauges.ts';

// The shared part of a row. These are constants of this module: V8 folds those, and loads an imported one each time (2 ns of `inFlight`).
// Int32 cells, but where it says otherwise. The first cache line is read for each pick and hardly ever written;
const MARKS = 0;
const KNOWN = 1;
const DRAINING = 2;
/** Float64 cell of the row: two of Int32. */
const UP_SINCE = 2;
// the second is written for each lease by every thread;
const IN_FLIGHT = LINE_BYTES / 4;
const LIMIT = IN_FLIGHT + 1;
// the third and fourth are read for each success and written for each failure.
const STREAKS = (2 * LINE_BYTES) / 4;
/** A row's shared part, and each block's part behind it, in Int32 cells. */
const SHARED_CELLS = SHARED_BYTES / 4;
const BLOCK_CELLS = BLOCK_BYTES / 4;
/** The limit of a row without one, and the highest there is. */
const NO_LIMIT = 0x7fffffff;

export class Scoreboard {
  /** Of the thread that has this object: 0 = main. */
  readonly block: number;
  /** Main and all workers. */
  readonly blocks: number;
  readonly #maxBytes: number;
  readonly #rowBytes: number;
  /** Cells of a row, as Int32. */
  readonly #rowCells: number;
  /** From the beginning of a row to this thread's own in-flight in it, as Int32. */
  readonly #ownAt: number;
  #buffer: ArrayBuffer | SharedArrayBuffer;
  #headers!: ThreadHeaders;
  /** Both begin at row 0. */
  #cells!: Int32Array;
  #numbers!: Float64Array;
  /** Rows that the views reach. */
  #reach = 0;
  #usedRows = 0;
  readonly #freeRows: number[] = [];
  /** A worker that replaces another goes on counting leases where that one ended. */
  readonly #leasesBefore: number;

  private constructor(buffer: ArrayBuffer | SharedArrayBuffer, blocks: number, block: number, maxBytes: number) {
    this.block = block;
    this.blocks = blocks;
    this.#maxBytes = maxBytes;
    this.#rowBytes = rowBytesOf(blocks);
    this.#rowCells = this.#rowBytes / 4;
    this.#ownAt = SHARED_CELLS + block * BLOCK_CELLS;
    this.#buffer = buffer;
    this.#view();
    this.#leasesBefore = this.gauges(block).leasesOpened;
  }

  /** In main. */
  static create({ workers, isShared, rows = 64, maxBytes = RESERVED_BYTES }: ScoreboardOptions): Scoreboard {
    if (workers > MAX_WORKERS || (workers > 0 && !isShared)) throw new RangeError(`a scoreboard for ${workers} workers that is ${isShared ? '' : 'not '}shared`);
    const blocks = workers + 1;
    const bytes = blocks * HEADER_BYTES + rows * rowBytesOf(blocks);
    if (!isShared) return new Scoreboard(new ArrayBuffer(bytes), blocks, 0, maxBytes);
    const buffer = reserveShared(bytes, maxBytes);
    return new Scoreboard(buffer, blocks, 0, buffer.maxByteLength);
  }

  /** In a worker. @param block its number, from 1. The one whose block it had before must have ended and been reclaimed. */
  static attach({ buffer, blocks }: ScoreboardMemory, block: number): Scoreboard {
    if (!(block > 0 && block < blocks)) throw new RangeError(`there is no worker ${block} of ${blocks - 1}`);
    return new Scoreboard(buffer, blocks, block, buffer.maxByteLength);
  }

  get memory(): ScoreboardMemory {
    if (!(this.#buffer instanceof SharedArrayBuffer)) throw new Error('a scoreboard that is not shared cannot go to another thread');
    return { buffer: this.#buffer, blocks: this.blocks };
  }

  /** A row of zeros in every block, without a limit. Main only. @throws SteelyardError ERR_STATE when all rows that there may be are in use. */
  allocate(): number {
    const row = this.#freeRows.pop() ?? this.#usedRows;
    if (row >= this.#reach) this.#grow(row);
    if (row === this.#usedRows) this.#usedRows++;
    const base = Math.imul(row, this.#rowCells);
    this.#cells.fill(0, base, base + this.#rowCells);
    this.#cells[base + LIMIT] = NO_LIMIT;
    this.setUpSince(row, -Infinity);
    return row;
  }

  /** The row may be another's. Main only, and only when no thread uses it (see `Rows`). */
  free(row: number): void {
    this.#freeRows.push(row);
  }

  /** Makes this thread's views reach a row that another thread allocated. Not for the data path: call it when the row becomes known. */
  ensure(row: number): void {
    if (row < this.#reach) return;
    this.#view();
    if (row >= this.#reach) throw new RangeError(`row ${row} of the scoreboard was never given out: it has ${this.#reach}`);
  }

  marks(row: number): number {
    return this.#cells[Math.imul(row, this.#rowCells) + MARKS]!;
  }
  setMark(row: number, bit: number, marked: boolean): void {
    const cell = Math.imul(row, this.#rowCells) + MARKS;
    const mask = 1 << bit;
    const before = marked ? Atomics.or(this.#cells, cell, mask) : Atomics.and(this.#cells, cell, ~mask);
    if (((before & mask) !== 0) !== marked) this.#headers.changed();
  }

  /** Whether any check or request has decided about this backend yet. */
  known(row: number): boolean {
    return this.#cells[Math.imul(row, this.#rowCells) + KNOWN] === 1;
  }
  setKnown(row: number): void {
    if (Atomics.exchange(this.#cells, Math.imul(row, this.#rowCells) + KNOWN, 1) !== 1) this.#headers.changed();
  }

  draining(row: number): boolean {
    return this.#cells[Math.imul(row, this.#rowCells) + DRAINING] === 1;
  }
  setDraining(row: number, draining: boolean): void {
    Atomics.store(this.#cells, Math.imul(row, this.#rowCells) + DRAINING, draining ? 1 : 0);
    this.#headers.changed();
  }

  /** `Infinity` = none. Above 2,147,483,646 there is none either. */
  limit(row: number): number {
    const limit = this.#cells[Math.imul(row, this.#rowCells) + LIMIT]!;
    return limit === NO_LIMIT ? Infinity : limit;
  }
  setLimit(row: number, limit: number): void {
    Atomics.store(this.#cells, Math.imul(row, this.#rowCells) + LIMIT, Math.min(limit, NO_LIMIT));
    this.#headers.changed();
  }

  /** Changes behind each change of a mark, of `known`, of drain or of a limit, in any row and thread. Compare for equality alone, it wraps. */
  get changes(): number {
    return this.#headers.changes;
  }

  /** Whether the row may take one more. In one function, with one address: it is asked of each backend that a pick looks at. */
  canTake(row: number, believesMarks: boolean, takesUnknown: boolean): boolean {
    const cells = this.#cells;
    const base = Math.imul(row, this.#rowCells);
    if (believesMarks && cells[base + MARKS] !== 0) return false;
    if (cells[base + DRAINING] === 1 || cells[base + IN_FLIGHT]! >= cells[base + LIMIT]!) return false;
    return takesUnknown || cells[base + KNOWN] === 1;
  }

  /** Units open over all threads. A plain load: what another thread took a moment ago may be missing. */
  inFlight(row: number): number {
    return this.#cells[Math.imul(row, this.#rowCells) + IN_FLIGHT]!;
  }
  /** As of a moment ago, like `inFlight`; `acquire` decides. */
  belowLimit(row: number): boolean {
    const base = Math.imul(row, this.#rowCells);
    return this.#cells[base + IN_FLIGHT]! < this.#cells[base + LIMIT]!;
  }
  /** This thread's share of the total. */
  ownInFlight(row: number): number {
    return this.#cells[this.#ownAt + Math.imul(row, this.#rowCells)]!;
  }

  /**
   * Takes one unit of in-flight; false when the limit is reached, and then nothing was taken.
   * With a limit: compare and exchange, for an add to be taken back would meanwhile refuse others that had room.
   * V8 ends a thread (`worker.terminate()`) at the beginning of a function and at the jump back of a loop only: total and own share change
   * with neither between them, so a dead thread's share is exact.
   */
  acquire(row: number): boolean {
    const cells = this.#cells;
    const start = Math.imul(row, this.#rowCells);
    const total = start + IN_FLIGHT;
    const limit = cells[start + LIMIT]!;
    if (limit === NO_LIMIT) {
      Atomics.add(cells, total, 1);
      cells[this.#ownAt + start]!++;
      return true;
    }
    for (let seen = cells[total]!; seen < limit;) {
      const found = Atomics.compareExchange(cells, total, seen, seen + 1);
      if (found === seen) {
        cells[this.#ownAt + start]!++;
        return true;
      }
      seen = found;
    }
    return false;
  }
  giveBack(row: number): void {
    const cells = this.#cells;
    const start = Math.imul(row, this.#rowCells);
    Atomics.sub(cells, start + IN_FLIGHT, 1);
    cells[this.#ownAt + start]!--;
  }

  /** Counts a failure of a passive source, over all threads, and returns how many there were in a row. */
  addFailure(row: number, bit: number): number {
    return Atomics.add(this.#cells, Math.imul(row, this.#rowCells) + STREAKS + bit, 1) + 1;
  }
  clearFailures(row: number, bit: number): void {
    const cell = Math.imul(row, this.#rowCells) + STREAKS + bit;
    if (this.#cells[cell] !== 0) Atomics.store(this.#cells, cell, 0);
  }
  failures(row: number, bit: number): number {
    return this.#cells[Math.imul(row, this.#rowCells) + STREAKS + bit]!;
  }

  /** When the backend was last found well again, in milliseconds of main's clock; -Infinity = never. Main writes it. */
  upSince(row: number): number {
    return this.#numbers[(Math.imul(row, this.#rowCells) >> 1) + UP_SINCE]!;
  }
  setUpSince(row: number, ms: number): void {
    this.#numbers[(Math.imul(row, this.#rowCells) >> 1) + UP_SINCE] = ms;
  }

  /**
   * All counters; a row's begin at `counterOffset`. Ask anew each time: growth replaces the array. One writer for each, no atomics:
   * the language lets a Float64 be read half-written, the 64-bit platforms that Node runs on do not (V8 makes one aligned load or store
   * of eight bytes of it). Only a 32-bit build could tear.
   */
  counters(): Float64Array {
    return this.#numbers;
  }
  /** Where the counters of the row begin that this thread, or the one of the block, writes. Growth does not move them. */
  counterOffset(row: number, block = this.block): number {
    return (Math.imul(row, this.#rowCells) + SHARED_CELLS + block * BLOCK_CELLS + 2) >> 1;
  }
  /** One counter over all blocks. */
  sum(row: number, counter: number): number {
    let total = 0;
    for (let block = 0; block < this.blocks; block++) total += this.#numbers[this.counterOffset(row, block) + counter]!;
    return total;
  }

  /**
   * Takes off the totals what a thread had open that has ended (its `exit` was told), and closes its gauges. Its counters stay.
   * Main only, once, before another thread attaches to the block. Returns how many units it gave back.
   */
  reclaim(block: number): number {
    this.#headers.close(block);
    return returnShares(this.#cells.subarray(0, this.#usedRows * this.#rowCells), this.#rowCells, IN_FLIGHT, SHARED_CELLS + block * BLOCK_CELLS);
  }

  /** This thread lives. */
  beat(): void {
    this.#headers.beat(this.block);
  }
  /** Changes with each beat of the block's thread; compare for equality alone, it wraps. */
  beats(block: number): number {
    return this.#headers.beats(block);
  }

  publish(gauges: ThreadGauges): void {
    this.#headers.write(this.block, gauges, this.#leasesBefore);
  }
  /** Of the thread that has the block now; leases also of those that had it before. */
  gauges(block: number): ThreadGauges {
    return this.#headers.read(block);
  }

  /** To twice the rows, or to what may be had. */
  #grow(row: number): void {
    const header = this.blocks * HEADER_BYTES;
    const most = Math.floor((this.#maxBytes - header) / this.#rowBytes);
    try {
      if (row >= most) throw new RangeError(`${this.#maxBytes} bytes are full`);
      this.#buffer = grown(this.#buffer, header + Math.min(most, Math.max(2 * this.#reach, row + 1)) * this.#rowBytes);
    } catch (cause) {
      throw noRoom(row, this.#rowBytes, this.blocks - 1, cause);
    }
    this.#view();
  }

  #view(): void {
    const header = this.blocks * HEADER_BYTES;
    const bytes = this.#buffer.byteLength - header;
    this.#headers = new ThreadHeaders(this.#buffer, this.blocks);
    this.#cells = new Int32Array(this.#buffer, header, bytes >> 2);
    this.#numbers = new Float64Array(this.#buffer, header, bytes >> 3);
    this.#reach = Math.floor(bytes / this.#rowBytes);
  }
}
