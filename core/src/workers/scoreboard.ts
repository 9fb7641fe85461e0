/**
 * The numbers that all threads share, in one buffer: a row per backend. With `workers: 0` it lies in an ArrayBuffer and the same code runs.
 * Main gives out rows and writes marks, weight and drain; in-flight is a total over all workers, changed atomically.
 */

/** Cells of a row. */
const MARKS = 0;
const KNOWN = 1;
const IN_FLIGHT = 2;
const LIMIT = 3;
const DRAINING = 4;
/** Passive streaks, one cell per health source: failures in a row. */
const STREAKS = 8;
/** Bits of the mark word; one source each. */
export const MAX_SOURCES = 24;
const ROW_CELLS = STREAKS + MAX_SOURCES;
const NO_LIMIT = 0x7fffffff;

export class Scoreboard {
  #cells: Int32Array;
  #freeRows: number[] = [];
  #usedRows = 0;

  constructor(capacity = 64) {
    this.#cells = new Int32Array(capacity * ROW_CELLS);
  }

  /** A row of zeros. */
  allocate(): number {
    const row = this.#freeRows.pop() ?? this.#usedRows++;
    const base = row * ROW_CELLS;
    if (base + ROW_CELLS > this.#cells.length) {
      const grown = new Int32Array(this.#cells.length * 2);
      grown.set(this.#cells);
      this.#cells = grown;
    }
    this.#cells.fill(0, base, base + ROW_CELLS);
    this.#cells[base + LIMIT] = NO_LIMIT;
    return row;
  }

  release(row: number): void {
    this.#freeRows.push(row);
  }

  marks(row: number): number {
    return this.#cells[row * ROW_CELLS + MARKS]!;
  }
  setMark(row: number, bit: number, marked: boolean): void {
    const cell = row * ROW_CELLS + MARKS;
    if (marked) Atomics.or(this.#cells, cell, 1 << bit);
    else Atomics.and(this.#cells, cell, ~(1 << bit));
  }

  /** Whether any check or request has decided about this backend yet. */
  known(row: number): boolean {
    return this.#cells[row * ROW_CELLS + KNOWN] === 1;
  }
  setKnown(row: number): void {
    Atomics.store(this.#cells, row * ROW_CELLS + KNOWN, 1);
  }

  draining(row: number): boolean {
    return this.#cells[row * ROW_CELLS + DRAINING] === 1;
  }
  setDraining(row: number, draining: boolean): void {
    Atomics.store(this.#cells, row * ROW_CELLS + DRAINING, draining ? 1 : 0);
  }

  setLimit(row: number, limit: number): void {
    Atomics.store(this.#cells, row * ROW_CELLS + LIMIT, Math.min(limit, NO_LIMIT));
  }
  inFlight(row: number): number {
    return this.#cells[row * ROW_CELLS + IN_FLIGHT]!;
  }
  belowLimit(row: number): boolean {
    const base = row * ROW_CELLS;
    return this.#cells[base + IN_FLIGHT]! < this.#cells[base + LIMIT]!;
  }
  /** Takes one unit of in-flight; false when the limit is reached, and then nothing was taken. Right across threads: add, look, take back. */
  acquire(row: number): boolean {
    const base = row * ROW_CELLS;
    if (Atomics.add(this.#cells, base + IN_FLIGHT, 1) < this.#cells[base + LIMIT]!) return true;
    Atomics.sub(this.#cells, base + IN_FLIGHT, 1);
    return false;
  }
  giveBack(row: number): void {
    Atomics.sub(this.#cells, row * ROW_CELLS + IN_FLIGHT, 1);
  }

  /** Counts a failure of a passive source and returns how many there were in a row. */
  addFailure(row: number, bit: number): number {
    return Atomics.add(this.#cells, row * ROW_CELLS + STREAKS + bit, 1) + 1;
  }
  failures(row: number, bit: number): number {
    return this.#cells[row * ROW_CELLS + STREAKS + bit]!;
  }
  clearFailures(row: number, bit: number): void {
    const cell = row * ROW_CELLS + STREAKS + bit;
    if (this.#cells[cell] !== 0) Atomics.store(this.#cells, cell, 0);
  }
}
