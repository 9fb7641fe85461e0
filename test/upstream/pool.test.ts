import type { Backend, Member } from '@steelyard/sdk';
import { beforeEach, describe, expect, it } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { PluginRuntime } from '../../core/src/plugins/runtime.ts';
import type { GuardedStrategy } from '../../core/src/plugins/strategy.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';
import type { Pool } from '../../core/src/upstream/pool.ts';
import { backendOf, poolOf, specOf } from './world.ts';

let board: Scoreboard;
let a: BackendState;
let b: BackendState;
let c: BackendState;
beforeEach(() => {
  board = Scoreboard.create({ workers: 0, isShared: false });
  [a, b, c] = [backendOf(board, 'a'), backendOf(board, 'b'), backendOf(board, 'c')];
});

function picks(pool: Pool, count: number): (string | undefined)[] {
  return Array.from({ length: count }, () => pool.nextAvailable()?.host);
}

describe('inFlightAt', () => {
  it('is what the member with this row has in flight', () => {
    const pool = poolOf(board, [a, b, c]);
    b.acquire();
    c.acquire();
    c.acquire();
    expect(pool.backends.map(({ row }) => pool.inFlightAt(row))).toEqual([0, 1, 2]);
    c.giveBack();
    expect(pool.inFlightAt(c.row)).toBe(1);
  });

  it('is another backend\'s once a new one has the row of one that left', () => {
    const left = c.row;
    c.acquire();
    c.giveBack();
    c.retire();
    const heir = backendOf(board, 'd');
    heir.acquire();
    const pool = poolOf(board, [a, b, heir]);
    expect([heir.row, pool.inFlightAt(heir.row)]).toEqual([left, 1]);
    expect(new Set(pool.backends.map(({ row }) => row)).size).toBe(3);
  });
});

describe('version', () => {
  const roomy = (): Pool => poolOf(board, [a, b], { unknown: 'available', panicThreshold: 0.6 });

  it('stays when leases come and go and a check repeats itself', () => {
    const pool = roomy();
    a.clear('check', 'up');
    const { version } = pool;
    a.acquire();
    a.clear('check', 'up');
    expect(pool.version).toBe(version);
    a.giveBack();
    expect(pool.version).toBe(version);
  });

  it('is above 0 and stays between picks', () => {
    const pool = roomy();
    const { version } = pool;
    expect([pool.version, version > 0]).toEqual([version, true]);
  });

  it.each<[string, (pool: Pool) => void]>([
    ['a mark', () => a.mark('check', 'down', 0)],
    ['a mark that ended', () => a.clear('check', 'up')],
    ['drain', () => a.configure(specOf('a', { drain: true }))],
    ['a change that another thread made', () => board.setDraining(a.row, true)],
    ['membership', (pool) => pool.setMembers([a])],
  ])('is another after %s', (_name, change) => {
    const pool = roomy();
    const { version } = pool;
    change(pool);
    expect(pool.version).not.toBe(version);
    expect(pool.version).toBe(pool.version);
  });

  it('is another when a panic begins, which is told after its marks', () => {
    const pool = roomy();
    a.mark('check', 'down', 0);
    const { version } = pool;
    pool.healthChanged();
    expect([pool.isAvailable(a), pool.version === version]).toEqual([true, false]);
  });

  it('is 0 where a pick may change it: in a second attempt, and where a member has a limit', () => {
    const pool = roomy();
    pool.tried = [a];
    expect(pool.version).toBe(0);
    pool.tried = [];
    expect(pool.version).toBeGreaterThan(0);
    b.configure(specOf('b', { maxInFlight: 5 }));
    expect(pool.version).toBe(0);
    b.configure(specOf('b'));
    expect(pool.version).toBeGreaterThan(0);
  });
});

describe('isAvailable', () => {
  it.each<[string, () => void]>([
    ['has a health mark', () => a.mark('check', 'down', 0)],
    ['drains', () => a.configure(specOf('a', { drain: true }))],
    ['is at its limit', () => {
      a.configure(specOf('a', { maxInFlight: 1 }));
      a.acquire();
    }],
  ])('is false for a member that %s, and only for that one', (_name, spoil) => {
    const pool = poolOf(board, [a, b]);
    expect(pool.isAvailable(a)).toBe(true);
    spoil();
    expect([pool.isAvailable(a), pool.isAvailable(b)]).toEqual([false, true]);
  });

  it('is false for what was tried, during that pick', () => {
    const pool = poolOf(board, [a, b]);
    pool.tried = [a];
    expect([pool.isAvailable(a), pool.canTake(a), pool.isAvailable(b)]).toEqual([false, true, true]);
    pool.tried = [];
    expect(pool.isAvailable(a)).toBe(true);
  });

  it('is false for backends of other pools, those that left, and objects of a plugin\'s own making', () => {
    const pool = poolOf(board, [a, b]);
    pool.setMembers([b]);
    expect([pool.isAvailable(a), pool.isAvailable(c), pool.isAvailable({ id: b.id, row: b.row } as unknown as Backend), pool.isAvailable({} as Backend)]).toEqual([false, false, false, false]);
  });

  it.each([['unavailable', true, false], ['available', true, true], ['unavailable', false, true]] as const)(
    'of an unknown member: policy %s, active check %s: %s',
    (unknown, hasActiveCheck, expected) => {
      const pool = poolOf(board, [a], { unknown }, hasActiveCheck);
      expect(pool.isAvailable(a)).toBe(expected);
      a.clear('check', 'good');
      expect(pool.isAvailable(a)).toBe(true);
    },
  );
});

describe("core's own order", () => {
  it('goes round, beginning with the first, and passes over who is unavailable', () => {
    const pool = poolOf(board, [a, b, c]);
    expect(picks(pool, 4)).toEqual(['a', 'b', 'c', 'a']);
    b.mark('check', 'down', 0);
    expect(picks(pool, 3)).toEqual(['c', 'a', 'c']);
  });

  it('takes a member without weight only where there is no other', () => {
    a.configure(specOf('a', { weight: 0 }));
    const pool = poolOf(board, [a, b]);
    expect(picks(pool, 2)).toEqual(['b', 'b']);
    b.mark('check', 'down', 0);
    expect(picks(pool, 1)).toEqual(['a']);
  });

  it('has nobody in an empty pool and in one where all are down', () => {
    expect(picks(poolOf(board, []), 1)).toEqual([undefined]);
    a.mark('check', 'down', 0);
    expect(picks(poolOf(board, [a]), 1)).toEqual([undefined]);
  });

  it('goes on behind its last pick in the pool of the next generation, wherever that member stands there', () => {
    const before = poolOf(board, [a, b, c]);
    picks(before, 2);
    const same = poolOf(board, [a, b, c]);
    same.adoptFrom(before);
    expect(picks(same, 2)).toEqual(['c', 'a']);
    const moved = poolOf(board, [b, c, a]);
    moved.adoptFrom(before);
    expect(picks(moved, 2)).toEqual(['c', 'a']);
    const smaller = poolOf(board, [a]);
    smaller.adoptFrom(before);
    expect(picks(smaller, 2)).toEqual(['a', 'a']);
  });
});

it('takes the retry budget of the pool before it over, unless that is of another size: a reload must not fill it', () => {
  const retry = { attempts: 3, replays: 1, budget: 0.2, budgetPerSecond: 10, retryBufferBytes: 1 };
  const before = poolOf(board, [a], { retry });
  while (before.budget.withdraw(0));
  const same = poolOf(board, [a], { retry: { ...retry, attempts: 5 } });
  same.adoptFrom(before);
  expect(same.budget.withdraw(0)).toBe(false);
  const larger = poolOf(board, [a], { retry: { ...retry, budgetPerSecond: 20 } });
  larger.adoptFrom(before);
  expect(larger.budget.withdraw(0)).toBe(true);
});

describe('a strategy', () => {
  const plugin = {} as PluginRuntime;
  const use = (name: string, stateVersion?: number) => ({ name, definition: { name, stateVersion } }) as never;
  const instance = (more: Partial<GuardedStrategy>): GuardedStrategy => ({ wasAsked: false, update() {}, select: () => undefined, ...more });

  it('is told the members with their weights at each change', () => {
    const told: string[][] = [];
    const pool = poolOf(board, []);
    pool.useStrategy(instance({ update: (members: readonly Member[]) => void told.push(members.map(({ backend, weight }) => `${backend.host} ${weight}`)) }), plugin);
    pool.setMembers([a, backendOf(board, 'd', { weight: 7 })]);
    pool.setMembers([b]);
    expect(told).toEqual([['a 1', 'd 7'], ['b 1']]);
  });

  it.each([['rr', 1, 'rr', undefined, true], ['rr', 1, 'rr', 2, false], ['rr', 1, 'other', 1, false]])(
    '%s in version %s gives its state to %s in version %s: %s',
    (fromName, fromVersion, toName, toVersion, isAdopted) => {
      const before = poolOf(board, [a], { strategy: use(fromName, fromVersion) });
      before.useStrategy(instance({ snapshot: () => 'state' }), plugin);
      const adopted: unknown[] = [];
      const after = poolOf(board, [a], { strategy: use(toName, toVersion) });
      after.useStrategy(instance({ adopt: (state) => void adopted.push(state) }), plugin);
      after.adoptFrom(before);
      expect(adopted).toEqual(isAdopted ? ['state'] : []);
    },
  );
});

it('knows its own members from everything else that a plugin may ask about', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const [a, b] = [backendOf(board, 'a'), backendOf(board, 'b')];
  const pool = poolOf(board, [a], { unknown: 'available' });
  const others = [b, { row: a.row }, Object.create(a) as object, null, undefined, 0, 'web/http://a:80'];
  expect(others.map((other) => pool.isAvailable(other as BackendState))).toEqual(others.map(() => false));
  expect(pool.isAvailable(a)).toBe(true);
  pool.setMembers([]);
  expect(pool.isAvailable(a)).toBe(false);
});
