/** Rows are given out again only when nobody uses them: registries of main and of simulated workers, with messages that take their time and workers that die. */
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { LocalRows, SharedRows, WorkerRows, type Forget, type Rows } from '../../core/src/board/rows.ts';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';
import { GivenAddresses } from '../../core/src/upstream/given-addresses.ts';
import { BackendRegistry } from '../../core/src/upstream/registry.ts';
import { specOf } from '../upstream/world.ts';

const WORKERS = 3;
const KEYS = ['a', 'b', 'c', 'd', 'e'];
/** By key: the row that it has in main. */
type Members = ReadonlyMap<string, number>;
type ToWorker = { kind: 'members'; members: Members } | { kind: 'forget'; forget: Forget };
interface Claimed {
  readonly registry: BackendRegistry;
  /** In the generation that serves. */
  current: Map<string, BackendState>;
}

function registryOn(board: Scoreboard, rows: Rows): Claimed {
  return { registry: new BackendRegistry(board, new GivenAddresses(), () => {}, () => {}, rows), current: new Map() };
}

/** Claims what the list has, then lets go of what it has not, as a generation does. */
function follow({ registry, current }: Claimed, keys: Iterable<string>, rowOf?: Members): Map<string, BackendState> {
  const next = new Map([...keys].map((key) => [key, registry.claim('web', specOf(key), rowOf?.get(key))]));
  for (const backend of current.values()) registry.release(backend);
  return next;
}

class SimulatedWorker {
  readonly inbox: ToWorker[] = [];
  readonly outbox: Forget[] = [];
  /** Received; the generation is still being built. */
  readonly building: Members[] = [];
  readonly leases: BackendState[] = [];
  readonly board: Scoreboard;
  readonly rows: WorkerRows;
  readonly claimed: Claimed;

  constructor(board: Scoreboard, block: number) {
    this.board = Scoreboard.attach(board.memory, block);
    this.rows = new WorkerRows(this.board, (forget) => this.outbox.push(forget));
    this.claimed = registryOn(this.board, this.rows);
  }

  receive(): void {
    const message = this.inbox.shift();
    if (message?.kind === 'forget') this.rows.forget(message.forget);
    if (message?.kind !== 'members') return;
    for (const row of message.members.values()) this.rows.use(row);
    this.building.push(message.members);
  }
  build(): void {
    const members = this.building.shift();
    if (members === undefined) return;
    this.claimed.current = follow(this.claimed, members.keys(), members);
    for (const row of members.values()) this.rows.retire(row, () => {});
  }
  open(which: number): void {
    const backend = [...this.claimed.current.values()][which % this.claimed.current.size];
    if (backend?.acquire()) this.leases.push(backend);
  }
  close(which: number): void {
    const [backend] = this.leases.splice(which % this.leases.length, 1);
    backend?.giveBack();
  }

  /** Rows and whose they are, as this thread takes them. */
  *uses(): Iterable<[row: number, key: string]> {
    for (const { row, host } of [...this.claimed.current.values(), ...this.leases]) yield [row, host];
    for (const members of this.building) for (const [key, row] of members) yield [row, key];
  }
}

class SimulatedMain {
  readonly board = Scoreboard.create({ workers: WORKERS, isShared: true, rows: 2, maxBytes: 2 ** 20 });
  readonly workers = new Map<number, SimulatedWorker>();
  readonly rows = new SharedRows(this.board, (worker, forget) => void this.workers.get(worker)!.inbox.push({ kind: 'forget', forget }));
  readonly claimed = registryOn(this.board, this.rows);
  /** What dead workers said, and nobody has heard yet. */
  readonly lateAnswers: [block: number, forget: Forget][] = [];

  constructor() {
    for (let block = 1; block <= WORKERS; block++) this.join(block);
  }

  get members(): Members {
    return new Map([...this.claimed.current].map(([key, { row }]) => [key, row]));
  }
  reload(keys: Iterable<string>): void {
    const next = follow(this.claimed, keys);
    this.claimed.current = next;
    for (const { inbox } of this.workers.values()) inbox.push({ kind: 'members', members: this.members });
  }
  hear(block: number): void {
    const forget = this.workers.get(block)?.outbox.shift();
    if (forget) this.rows.acknowledged(block, forget);
  }
  join(block: number): void {
    if (this.workers.has(block)) return;
    this.rows.workerJoined(block);
    const worker = new SimulatedWorker(this.board, block);
    this.workers.set(block, worker);
    worker.inbox.push({ kind: 'members', members: this.members });
  }
  hearLate(): void {
    const [answer] = this.lateAnswers.splice(0, 1);
    if (answer) this.rows.acknowledged(...answer);
  }
  lose(block: number): void {
    for (const forget of this.workers.get(block)?.outbox ?? []) this.lateAnswers.push([block, forget]);
    if (!this.workers.delete(block)) return;
    this.board.reclaim(block);
    this.rows.workerGone(block);
  }

  /** @throws when two threads, or two backends of one, take one row for different backends'. */
  check(): void {
    const owners = new Map([...this.claimed.current].map(([key, { row }]) => [row, key]));
    for (const [block, worker] of this.workers) {
      for (const [row, key] of worker.uses()) {
        if (owners.has(row) && owners.get(row) !== key) throw new Error(`row ${row} is ${key}'s in worker ${block}, and ${owners.get(row)}'s`);
        owners.set(row, key);
      }
    }
  }

  /** Every message arrives, and every answer to one. */
  async deliver(): Promise<void> {
    const isWaiting = ({ inbox, building, outbox }: SimulatedWorker): boolean => inbox.length + building.length + outbox.length > 0;
    while ([...this.workers.values()].some(isWaiting)) {
      for (const [block, worker] of this.workers) {
        worker.receive();
        worker.build();
        await Promise.resolve();
        this.hear(block);
      }
      this.check();
    }
  }
  /** Every lease ends, and that becomes known. */
  async settle(): Promise<void> {
    await this.deliver();
    for (const worker of this.workers.values()) while (worker.leases.length > 0) worker.close(0);
    await Promise.resolve();
    await this.deliver();
  }
}

describe('rows of main and its workers', () => {
  const step = fc.record({
    what: fc.constantFrom('reload', 'reload', 'receive', 'receive', 'receive', 'build', 'build', 'open', 'open', 'close', 'hear', 'hear', 'lose', 'join', 'hearLate', 'turn', 'deliver'),
    block: fc.integer({ min: 1, max: WORKERS }), which: fc.nat(9), keys: fc.subarray(KEYS),
  });

  it('are never two backends’ at once, and all free when all backends have left', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 200, size: 'max' }), async (steps) => {
      const main = new SimulatedMain();
      for (const { what, block, which, keys } of steps) {
        const worker = main.workers.get(block);
        switch (what) {
          case 'reload': main.reload(keys); break;
          case 'receive': worker?.receive(); break;
          case 'build': worker?.build(); break;
          case 'open': worker?.open(which); break;
          case 'close': worker?.close(which); break;
          case 'hear': main.hear(block); break;
          case 'hearLate': main.hearLate(); break;
          case 'lose': main.lose(block); break;
          case 'join': main.join(block); break;
          case 'deliver': await main.deliver(); break;
          // The end of a turn of the event loop, when late acknowledgements are sent.
          default: await Promise.resolve();
        }
        main.check();
      }
      await main.settle();
      main.reload([]);
      await main.settle();
      expectAllFree(main.board);
    }), { numRuns: 250 });
  });
});

/** @throws when a row of the board is not free, or is in flight. */
function expectAllFree(board: Scoreboard): void {
  // More backends at once than keys, and as many leaving ones, there never were: a row that was lost would show as a higher one.
  const rows = Array.from({ length: 200 }, () => board.allocate()).sort((a, b) => a - b);
  expect(rows).toEqual(Array.from({ length: 200 }, (_, i) => i));
}

describe('a retired row in main', () => {
  let board: Scoreboard;
  let told: string[];
  let freed: number[];
  let rows: SharedRows;
  beforeEach(() => {
    board = Scoreboard.create({ workers: 2, isShared: true });
    told = [];
    freed = [];
    rows = new SharedRows(board, (worker, { row, ticket }) => told.push(`${worker}: ${row} ${ticket}`));
    rows.workerJoined(1);
    rows.workerJoined(2);
  });
  const retire = (row: number): void => rows.retire(row, () => freed.push(row));

  it('is free when the last worker has acknowledged, not before', () => {
    const row = rows.allocate();
    retire(row);
    expect(told).toEqual(['1: 0 1', '2: 0 1']);
    rows.acknowledged(2, { row, ticket: 1 });
    rows.acknowledged(2, { row, ticket: 1 });
    expect(freed).toEqual([]);
    expect(rows.allocate()).not.toBe(row);
    rows.acknowledged(1, { row, ticket: 1 });
    expect([freed, rows.keep(row), rows.allocate()]).toEqual([[row], false, row]);
  });
  it('stays when it was kept meanwhile: answers to the void ticket say nothing', () => {
    const row = rows.allocate();
    retire(row);
    rows.acknowledged(1, { row, ticket: 1 });
    expect(rows.keep(row)).toBe(true);
    rows.acknowledged(2, { row, ticket: 1 });
    retire(row);
    rows.acknowledged(1, { row, ticket: 1 });
    rows.acknowledged(2, { row, ticket: 1 });
    rows.acknowledged(2, { row, ticket: 2 });
    expect(freed).toEqual([]);
    rows.acknowledged(1, { row, ticket: 2 });
    expect(freed).toEqual([row]);
  });
  it('does not wait for one that has ended, nor for one that joined later', () => {
    const row = rows.allocate();
    retire(row);
    rows.workerJoined(3);
    rows.acknowledged(1, { row, ticket: 1 });
    rows.workerGone(2);
    expect(freed).toEqual([row]);
    rows.workerGone(1);
    rows.workerGone(3);
    retire(rows.allocate());
    expect(freed).toEqual([row, row]);
  });
});

describe('a worker’s row', () => {
  let acknowledged: number[];
  let rows: WorkerRows;
  beforeEach(() => {
    const board = Scoreboard.create({ workers: 1, isShared: true });
    acknowledged = [];
    rows = new WorkerRows(Scoreboard.attach(board.memory, 1), ({ ticket }) => acknowledged.push(ticket));
  });
  const retire = (row: number): void => rows.retire(row, () => {});

  it('is forgotten at once when it is not used, else behind its last use: when what that counts was counted too', async () => {
    rows.forget({ row: 1, ticket: 1 });
    expect(acknowledged).toEqual([1]);
    rows.use(1);
    expect(rows.allocate(1)).toBe(1);
    rows.forget({ row: 1, ticket: 2 });
    retire(1);
    await Promise.resolve();
    expect(acknowledged).toEqual([1]);
    retire(1);
    expect(acknowledged).toEqual([1]);
    await Promise.resolve();
    expect(acknowledged).toEqual([1, 2]);
  });
  it('that is used again before the turn ends is not forgotten', async () => {
    rows.use(1);
    rows.forget({ row: 1, ticket: 1 });
    retire(1);
    rows.use(1);
    await Promise.resolve();
    expect(acknowledged).toEqual([]);
    rows.forget({ row: 1, ticket: 2 });
    retire(1);
    await Promise.resolve();
    expect(acknowledged).toEqual([2]);
  });
  it('comes from main, and from nowhere else', () => {
    expect(() => rows.allocate()).toThrow('from main');
  });
});

it('is free at once where there are no workers', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const rows = new LocalRows(board);
  const row = rows.allocate();
  const freed: number[] = [];
  rows.retire(row, () => freed.push(row));
  expect([freed, rows.keep(), rows.allocate()]).toEqual([[row], false, row]);
});
