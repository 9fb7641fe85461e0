import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressCounts } from '../../core/src/board/address-counts.ts';
import { parseAddress } from '../../core/src/request/address.ts';

const at = (text: string) => parseAddress(text)!;

it('counts up to the limit, and again what has left', () => {
  const counts = AddressCounts.create(1, false);
  const cells = [1, 2, 3].map(() => counts.add(at('10.0.0.1'), 7, 3));
  expect(cells.every((cell) => cell >= 0)).toBe(true);
  expect([counts.add(at('10.0.0.1'), 7, 3), counts.add(at('10.0.0.1'), 7, 3)]).toEqual([-1, -1]);
  counts.remove(cells[0]!);
  expect(counts.add(at('10.0.0.1'), 7, 3)).toBe(cells[0]);
  expect(counts.add(at('10.0.0.1'), 7, 3)).toBe(-1);
});

it.each([
  ['an IPv4 address in either form', '10.0.0.1', '::ffff:10.0.0.1', true],
  ['two IPv4 addresses', '10.0.0.1', '10.0.0.2', false],
  ['two addresses of a /64', '2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', true],
  ['two /64 networks', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
])('takes %s for one: %#', (_what, one, other, isSame) => {
  const counts = AddressCounts.create(1, false);
  expect(counts.add(at(one), 7, 1)).toBeGreaterThanOrEqual(0);
  expect(counts.add(at(other), 7, 1) === -1).toBe(isSame);
});

it('counts apart by listener', () => {
  const counts = AddressCounts.create(1, false);
  expect(counts.add(at('10.0.0.1'), 1, 1)).toBeGreaterThanOrEqual(0);
  expect(counts.add(at('10.0.0.1'), 2, 1)).toBeGreaterThanOrEqual(0);
  expect(counts.add(at('10.0.0.1'), 1, 1)).toBe(-1);
});

it('never counts too low, whoever comes and goes, and nothing at the end', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.boolean(), fc.integer({ min: 0, max: 2 })), { maxLength: 300 }), (steps) => {
    const first = AddressCounts.create(3, true);
    const threads = [first, new AddressCounts(first.memory, 1), new AddressCounts(first.memory, 2)];
    const open: { address: number; cells: number; thread: number }[] = [];
    for (const [address, comes, thread] of steps) {
      const of = open.filter((one) => one.address === address);
      if (comes) {
        const cells = threads[thread]!.add(at(`10.0.0.${address}`), 1, 3);
        // Two halves of 32,768 cells: among 41 addresses two share both once in half a million runs.
        expect(cells >= 0).toBe(of.length < 3);
        if (cells >= 0) open.push({ address, cells, thread });
      } else if (of[0]) {
        threads[of[0].thread]!.remove(of[0].cells);
        open.splice(open.indexOf(of[0]), 1);
      }
    }
    for (const { cells, thread } of open) threads[thread]!.remove(cells);
    expect(new Int32Array(first.memory).subarray(2).every((cell) => cell === 0)).toBe(true);
  }), { numRuns: 50 });
});

describe('threads', () => {
  it('count together, and what one had open goes with it', () => {
    const main = AddressCounts.create(3, true);
    const [one, two] = [new AddressCounts(main.memory, 1), new AddressCounts(main.memory, 2)];
    for (let count = 0; count < 2; count++) expect(one.add(at('10.0.0.1'), 1, 3)).toBeGreaterThanOrEqual(0);
    expect(two.add(at('10.0.0.1'), 1, 3)).toBeGreaterThanOrEqual(0);
    expect([one.add(at('10.0.0.1'), 1, 3), two.add(at('10.0.0.1'), 1, 3)]).toEqual([-1, -1]);
    main.clear(1);
    expect(two.add(at('10.0.0.1'), 1, 3)).toBeGreaterThanOrEqual(0);
    expect(two.add(at('10.0.0.1'), 1, 3)).toBeGreaterThanOrEqual(0);
    expect(two.add(at('10.0.0.1'), 1, 3)).toBe(-1);
  });
});

it('a flood from many addresses leaves the others alone, and nobody can say beforehand which', () => {
  const counts = AddressCounts.create(1, false);
  // A hundred addresses of a botnet that are full.
  for (let bot = 0; bot < 100; bot++) while (counts.add(at(`203.0.113.${bot}`), 1, 10) >= 0);
  let refused = 0;
  for (let client = 0; client < 5_000; client++) {
    const cells = counts.add(at(`198.51.${client >> 8}.${client & 255}`), 1, 10);
    if (cells < 0) refused++;
    else counts.remove(cells);
  }
  // (100 / 32,768)^2 of 5,000 clients: 0.05 expected; three or more once in 50,000 runs.
  expect(refused).toBeLessThan(3);
});
