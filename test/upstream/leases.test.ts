import type { Exchange } from '@steelyard/sdk';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { LeaseTable, type LeaseState } from '../../core/src/upstream/leases.ts';
import { backendOf, poolOf, specOf } from './world.ts';

const EXCHANGE = {} as Exchange;

it('opens no lease above the limit, and counts none that it did not open', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const backend = backendOf(board, 'a', { maxInFlight: 2 });
  const pool = poolOf(board, [backend]);
  const table = new LeaseTable();
  const open = (): LeaseState | undefined => table.open(backend, pool, EXCHANGE, undefined, 0);
  const [first, second, third] = [open(), open(), open()];
  expect(third).toBeUndefined();
  expect([table.opened, table.closed, backend.inFlight]).toEqual([2, 0, 2]);
  table.close(first!);
  expect(open()).toBeDefined();
  backend.configure(specOf('a', { maxInFlight: 5 }));
  expect(open()).toBeDefined();
  void second;
});

it('remembers nothing of the lease before: times, bytes, strategy', () => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const backend = backendOf(board, 'a');
  const pool = poolOf(board, [backend]);
  const table = new LeaseTable();
  const strategy = { wasAsked: true, update() {}, select: () => undefined };
  const first = table.open(backend, pool, EXCHANGE, strategy, 5)!;
  Object.assign(first, { connectMs: 1, firstByteMs: 2, bytesToBackend: 3, bytesFromBackend: 4 });
  table.close(first);
  table.recycle(first);
  const second = table.open(backend, pool, EXCHANGE, undefined, 9)!;
  expect(second).toBe(first);
  expect(second).toMatchObject({ startedAt: 9, connectMs: -1, firstByteMs: -1, bytesToBackend: 0, bytesFromBackend: 0, strategy: undefined });
});

it('gives slots that are unique among open leases and as dense as they can be', () => {
  fc.assert(fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 100 }), (steps) => {
    const board = Scoreboard.create({ workers: 0, isShared: false });
    const backend = backendOf(board, 'a');
    const pool = poolOf(board, [backend]);
    const table = new LeaseTable();
    const leases: LeaseState[] = [];
    let most = 0;
    for (const step of steps) {
      // Six of ten open one; the others close the step's one of those that are open.
      if (step < 6 || leases.length === 0) {
        leases.push(table.open(backend, pool, EXCHANGE, undefined, 0)!);
      } else {
        const [closing] = leases.splice(step % leases.length, 1);
        table.close(closing!);
        table.recycle(closing!);
      }
      most = Math.max(most, leases.length);
      const slots = leases.map(({ slot }) => slot);
      expect(new Set(slots).size).toBe(slots.length);
      expect(Math.max(-1, ...slots)).toBeLessThan(most);
      expect([table.opened - table.closed, backend.inFlight]).toEqual([leases.length, leases.length]);
    }
  }));
});
