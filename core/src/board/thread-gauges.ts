/** The header of the scoreboard: what each thread says about itself, in a part of its own. */
import { HEADER_BYTES, LINE_BYTES } from './layout.ts';

/** What a thread has open. It writes them when it likes, so they are as old as its last `publish`. */
export interface ThreadGauges {
  leasesOpened: number;
  leasesClosed: number;
  clientConnections: number;
  /** Idle ones and those in use. */
  upstreamConnections: number;
  deadlines: number;
}

// Float64 cells of a part: leases are counted for as long as the process lives.
const LEASES_OPENED = 0;
const LEASES_CLOSED = 1;
const CLIENT_CONNECTIONS = 2;
const UPSTREAM_CONNECTIONS = 3;
const DEADLINES = 4;
/** Int32 cell. */
const BEATS = 10;
/** Int32 cell of main's part, in the second cache line of it: read for each pick and hardly ever written, unlike gauges. */
const CHANGES = LINE_BYTES / 4;

export class ThreadHeaders {
  readonly #numbers: Float64Array;
  readonly #cells: Int32Array;

  constructor(buffer: ArrayBufferLike, blocks: number) {
    this.#numbers = new Float64Array(buffer, 0, (blocks * HEADER_BYTES) / 8);
    this.#cells = new Int32Array(buffer, 0, (blocks * HEADER_BYTES) / 4);
  }

  beat(block: number): void {
    Atomics.add(this.#cells, (block * HEADER_BYTES) / 4 + BEATS, 1);
  }
  beats(block: number): number {
    return Atomics.load(this.#cells, (block * HEADER_BYTES) / 4 + BEATS);
  }

  /** Of rows, by any thread. */
  get changes(): number {
    return this.#cells[CHANGES]!;
  }
  /** Call it behind the change: who reads the count first and then the rows has at worst to read them once more. */
  changed(): void {
    Atomics.add(this.#cells, CHANGES, 1);
  }

  /** @param leasesBefore of threads that had the block before, all closed. */
  write(block: number, gauges: ThreadGauges, leasesBefore: number): void {
    const numbers = this.#numbers;
    const at = (block * HEADER_BYTES) / 8;
    numbers[at + LEASES_OPENED] = leasesBefore + gauges.leasesOpened;
    numbers[at + LEASES_CLOSED] = leasesBefore + gauges.leasesClosed;
    numbers[at + CLIENT_CONNECTIONS] = gauges.clientConnections;
    numbers[at + UPSTREAM_CONNECTIONS] = gauges.upstreamConnections;
    numbers[at + DEADLINES] = gauges.deadlines;
  }

  read(block: number): ThreadGauges {
    const numbers = this.#numbers;
    const at = (block * HEADER_BYTES) / 8;
    return {
      leasesOpened: numbers[at + LEASES_OPENED]!,
      leasesClosed: numbers[at + LEASES_CLOSED]!,
      clientConnections: numbers[at + CLIENT_CONNECTIONS]!,
      upstreamConnections: numbers[at + UPSTREAM_CONNECTIONS]!,
      deadlines: numbers[at + DEADLINES]!,
    };
  }

  /** Its thread has ended: what it had open is closed. */
  close(block: number): void {
    const { leasesOpened } = this.read(block);
    this.write(block, { leasesOpened, leasesClosed: leasesOpened, clientConnections: 0, upstreamConnections: 0, deadlines: 0 }, 0);
  }
}
