/**
 * Who uses a row of the scoreboard, and when it may be another's. A thread uses a row as long as it has a backend that lives on it: in a
 * generation, or with leases open. Main gives rows out; with workers it frees one only when each of them has said that it uses it no more.
 */
import type { Scoreboard } from './scoreboard.ts';

/** What backends live on. */
export interface Rows {
  /** A row of zeros. In a worker the one that main gave. */
  allocate(given?: number): number;
  /** Nobody in this thread uses it any more. `whenFree` is called, at once or later, when it may be another's. */
  retire(row: number, whenFree: () => void): void;
  /** It is used again: takes the retirement back. False when it may be another's already. */
  keep(row: number): boolean;
}

/** Main alone, `workers: 0`. */
export class LocalRows implements Rows {
  readonly #board: Scoreboard;

  constructor(board: Scoreboard) {
    this.#board = board;
  }
  allocate(): number {
    return this.#board.allocate();
  }
  retire(row: number, whenFree: () => void): void {
    this.#board.free(row);
    whenFree();
  }
  keep(): boolean {
    return false;
  }
}

/** Main asks a worker to say when it uses the row no more. A later ticket for the same row makes the earlier one void. */
export interface Forget {
  readonly row: number;
  readonly ticket: number;
}

interface Retirement {
  readonly ticket: number;
  readonly whenFree: () => void;
  /** Workers that have not acknowledged. */
  readonly waitingFor: Set<number>;
}

/** Main with workers, each named by the number of its block. */
export class SharedRows implements Rows {
  readonly #board: Scoreboard;
  readonly #tell: (worker: number, forget: Forget) => void;
  readonly #workers = new Set<number>();
  readonly #retired = new Map<number, Retirement>();
  #tickets = 0;

  /** @param tell sends it to the worker, behind everything that was sent to it before. */
  constructor(board: Scoreboard, tell: (worker: number, forget: Forget) => void) {
    this.#board = board;
    this.#tell = tell;
  }

  /** Before the worker is told of any row. Rows that are retired now it never hears of, unless they are kept. */
  workerJoined(worker: number): void {
    this.#workers.add(worker);
  }

  /** It has ended. Reclaim its in-flight first: afterwards its rows may be free. */
  workerGone(worker: number): void {
    this.#workers.delete(worker);
    for (const [row, retirement] of this.#retired) this.#acknowledge(worker, row, retirement);
  }

  allocate(): number {
    return this.#board.allocate();
  }

  retire(row: number, whenFree: () => void): void {
    const retirement = { ticket: ++this.#tickets, whenFree, waitingFor: new Set(this.#workers) };
    this.#retired.set(row, retirement);
    for (const worker of this.#workers) this.#tell(worker, { row, ticket: retirement.ticket });
    this.#freeIfUnused(row, retirement);
  }

  keep(row: number): boolean {
    return this.#retired.delete(row);
  }

  /** A worker's answer. One to a ticket that is void by now says nothing: the row was used again since. */
  acknowledged(worker: number, { row, ticket }: Forget): void {
    const retirement = this.#retired.get(row);
    if (retirement?.ticket === ticket) this.#acknowledge(worker, row, retirement);
  }

  #acknowledge(worker: number, row: number, retirement: Retirement): void {
    retirement.waitingFor.delete(worker);
    this.#freeIfUnused(row, retirement);
  }

  #freeIfUnused(row: number, retirement: Retirement): void {
    if (retirement.waitingFor.size > 0) return;
    this.#retired.delete(row);
    this.#board.free(row);
    retirement.whenFree();
  }
}

/**
 * A worker. A row that main told it of counts as used from that message on (`use`), also while the generation that wants it is still being
 * built: else `forget` could be answered before the backend exists.
 */
export class WorkerRows implements Rows {
  readonly #board: Scoreboard;
  readonly #acknowledge: (forget: Forget) => void;
  /** How many uses there are of a row; none = not in it. */
  readonly #uses = new Map<number, number>();
  /** Asked for while it was used. */
  readonly #toForget = new Map<number, Forget>();

  /** @param acknowledge sends it to main. */
  constructor(board: Scoreboard, acknowledge: (forget: Forget) => void) {
    this.#board = board;
    this.#acknowledge = acknowledge;
  }

  allocate(given?: number): number {
    if (given === undefined) throw new Error('a worker gets its rows from main');
    this.use(given);
    return given;
  }

  /** One use more; each ends with a `retire`. */
  use(row: number): void {
    this.#board.ensure(row);
    this.#uses.set(row, (this.#uses.get(row) ?? 0) + 1);
  }

  retire(row: number, whenFree: () => void): void {
    const left = (this.#uses.get(row) ?? 0) - 1;
    if (left > 0) this.#uses.set(row, left);
    else this.#uses.delete(row);
    whenFree();
    // Whoever ends a lease counts it behind that in the same turn: main must not clear the row before.
    if (left <= 0 && this.#toForget.has(row)) queueMicrotask(() => this.#forgetIfUnused(row));
  }

  keep(): boolean {
    return false;
  }

  /** Main asks. */
  forget(forget: Forget): void {
    this.#toForget.set(forget.row, forget);
    this.#forgetIfUnused(forget.row);
  }

  #forgetIfUnused(row: number): void {
    const forget = this.#toForget.get(row);
    if (forget === undefined || this.#uses.has(row)) return;
    this.#toForget.delete(row);
    this.#acknowledge(forget);
  }
}
