import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Labels, MetricFamily, NumberSample } from '@steelyard/sdk';
import { mergeFamilies, MonotoneFamilies } from '../../core/src/metrics/merge.ts';
import { MetricsRegistry } from '../../core/src/metrics/registry.ts';

type Series = readonly (readonly [labels: Labels, value: number])[];
const numbers = (name: string, type: 'counter' | 'gauge', ...series: Series): MetricFamily => ({ name, type, help: `help of ${name}`, samples: series.map(([labels, value]) => ({ labels, value })) });
const counter = (name: string, ...series: Series): MetricFamily => numbers(name, 'counter', ...series);
const gauge = (name: string, ...series: Series): MetricFamily => numbers(name, 'gauge', ...series);
const histogram = (name: string, bounds: number[], counts: number[], count: number, sum: number): MetricFamily => ({ name, type: 'histogram', help: '', bounds, samples: [{ labels: {}, counts, count, sum }] });

/** `name{label="value"}` and its number, of counters and gauges. */
function valuesOf(families: readonly MetricFamily[]): Record<string, number> {
  const numeric = families.filter((family) => family.type !== 'histogram');
  return Object.fromEntries(numeric.flatMap(({ name, samples }) => (samples as NumberSample[]).map(({ labels, value }) => [`${name}${Object.keys(labels).length === 0 ? '' : JSON.stringify(labels)}`, value])));
}

describe('merged families', () => {
  it('are added sample by sample, by name and labels in whatever order', () => {
    const one = [counter('a', [{ x: '1', y: '2' }, 1], [{ x: '2', y: '2' }, 5]), gauge('b', [{}, 2])];
    const other = [gauge('b', [{}, 3]), counter('a', [{ y: '2', x: '1' }, 10], [{ x: '3', y: '2' }, 7])];
    expect(mergeFamilies([one, other])).toEqual([counter('a', [{ x: '1', y: '2' }, 11], [{ x: '2', y: '2' }, 5], [{ x: '3', y: '2' }, 7]), gauge('b', [{}, 5])]);
  });

  it('do not take one set of labels for another that reads alike', () => {
    const apart: Labels[] = [{}, { a: '' }, { a: 'b', c: 'd' }, { a: 'b,c:d' }, { a: 'b","c' }, { c: 'b', a: 'd' }];
    const list = [counter('x', ...apart.map((labels, i) => [labels, 10 ** i] as const))];
    expect((mergeFamilies([list, list])[0]!.samples as NumberSample[]).map(({ value }) => value)).toEqual(apart.map((_, i) => 2 * 10 ** i));
  });

  it('of histograms are added cell by cell', () => {
    expect(mergeFamilies([[histogram('h', [1, 2], [1, 3], 4, 5.5)], [histogram('h', [1, 2], [10, 20], 30, 1.5)]])).toEqual([histogram('h', [1, 2], [11, 23], 34, 7)]);
  });

  it('keep the order and the help of the first list that has them', () => {
    const merged = mergeFamilies([[counter('b', [{}, 1]), counter('a', [{}, 1])], [counter('c', [{}, 1]), { ...counter('a', [{}, 1]), help: 'another' }]]);
    expect(merged.map(({ name, help }) => [name, help])).toEqual([['b', 'help of b'], ['a', 'help of a'], ['c', 'help of c']]);
  });

  it('that cannot be added are left out and told: the first wins', () => {
    const told: string[][] = [];
    const onMismatch = (left: MetricFamily, kept: MetricFamily): number => told.push([left.name, left.type, kept.type]);
    const merged = mergeFamilies(
      [[counter('a', [{}, 1]), histogram('h', [1, 2], [0, 0], 0, 0)], [gauge('a', [{}, 5]), histogram('h', [1, 3], [1, 1], 1, 1)], [counter('a', [{}, 2]), histogram('h', [1], [1], 1, 1)]],
      onMismatch,
    );
    expect(merged).toEqual([counter('a', [{}, 3]), histogram('h', [1, 2], [0, 0], 0, 0)]);
    expect(told).toEqual([['a', 'gauge', 'counter'], ['h', 'histogram', 'histogram'], ['h', 'histogram', 'histogram']]);
  });

  it('of one thread are what it told, and nothing given is changed', () => {
    const one = [counter('a', [{ x: '1' }, 1])];
    expect(mergeFamilies([one])[0]).toBe(one[0]);
    expect(mergeFamilies([])).toEqual([]);
    const before = structuredClone(one);
    mergeFamilies([one, [counter('a', [{ x: '1' }, 5], [{ x: '2' }, 5])]]);
    expect(one).toEqual(before);
  });

  it('of real registries add up to what all threads counted', () => {
    const registries = [1, 2, 3].map((workers) => {
      const registry = new MetricsRegistry();
      const metrics = registry.generation();
      metrics.counter('picks_total', { help: 'Picks.', labels: ['pool'] }).add(workers, 'web');
      metrics.histogram('waits_seconds', { help: 'Waits.', bounds: [1, 2] }).observe(workers);
      metrics.commit();
      return registry;
    });
    const merged = mergeFamilies(registries.map((registry) => registry.snapshot()));
    expect(merged.find(({ name }) => name === 'steelyard_picks_total')!.samples).toEqual([{ labels: { pool: 'web' }, value: 6 }]);
    expect(merged.find(({ name }) => name === 'steelyard_waits_seconds')!.samples).toEqual([{ labels: {}, counts: [1, 2], count: 3, sum: 6 }]);
  });
});

describe('families over the life of threads', () => {
  it('count what a dead thread counted, and no gauge of it', () => {
    const all = new MonotoneFamilies();
    all.tell(1, [counter('a', [{}, 10]), gauge('g', [{}, 3]), histogram('h', [1], [2], 3, 4)]);
    all.tell(2, [counter('a', [{}, 1]), gauge('g', [{}, 4]), histogram('h', [1], [1], 1, 1)]);
    expect(valuesOf(all.families())).toEqual({ a: 11, g: 7 });
    all.ended(1);
    expect(valuesOf(all.families())).toEqual({ a: 11, g: 4 });
    all.tell(1, [counter('a', [{}, 0]), gauge('g', [{}, 1])]);
    expect(valuesOf(all.families())).toEqual({ a: 11, g: 5 });
    all.tell(1, [counter('a', [{}, 5])]);
    all.ended(1);
    all.ended(2);
    expect(all.families()).toEqual([counter('a', [{}, 16]), histogram('h', [1], [3], 4, 5)]);
  });

  it('take the last word of a thread that does not answer', () => {
    const all = new MonotoneFamilies();
    all.tell(1, [counter('a', [{}, 10])]);
    all.tell(2, [counter('a', [{}, 1])]);
    all.tell(2, [counter('a', [{}, 2])]);
    expect(valuesOf(all.families())).toEqual({ a: 12 });
    all.ended(7);
    expect(valuesOf(all.families())).toEqual({ a: 12 });
  });

  it('have the shape of the living where the dead had another, and say so', () => {
    const told: string[] = [];
    const all = new MonotoneFamilies(({ name, type }) => told.push(`${name} ${type}`));
    all.tell(1, [histogram('a', [1], [1], 1, 1)]);
    all.ended(1);
    all.tell(1, [counter('a', [{}, 2])]);
    expect(all.families()).toEqual([counter('a', [{}, 2])]);
    expect(told).toEqual(['a histogram']);
    all.ended(1);
    expect(all.families()).toEqual([counter('a', [{}, 2])]);
  });

  it('are let go with the plugin: what no living thread tells any more is shown no more, and begins anew if it comes back', () => {
    const all = new MonotoneFamilies();
    all.tell(1, [counter('a', [{}, 10]), counter('of a plugin', [{}, 3])]);
    all.ended(1);
    // Nobody lives who could tell.
    expect(valuesOf(all.families())).toEqual({ a: 10, 'of a plugin': 3 });
    all.tell(1, [counter('a', [{}, 0])]);
    all.tell(2, [counter('of a plugin', [{}, 1])]);
    expect(valuesOf(all.families())).toEqual({ a: 10, 'of a plugin': 4 });
    all.tell(2, [counter('a', [{}, 1])]);
    expect(valuesOf(all.families())).toEqual({ a: 11 });
    all.tell(1, [counter('a', [{}, 0]), counter('of a plugin', [{}, 2])]);
    expect(valuesOf(all.families())).toEqual({ a: 11, 'of a plugin': 2 });
  });

  it('never let a counter fall, whoever dies and comes back', () => {
    const event = fc.record({ thread: fc.integer({ min: 1, max: 3 }), dies: fc.boolean(), label: fc.constantFrom('x', 'y'), by: fc.integer({ min: 0, max: 9 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const all = new MonotoneFamilies();
        const counts = new Map<number, Record<string, number>>();
        const total: Record<string, number> = {};
        for (const { thread, dies, label, by } of events) {
          if (dies) {
            all.ended(thread);
            counts.delete(thread);
          } else {
            const own = counts.get(thread) ?? {};
            own[label] = (own[label] ?? 0) + by;
            counts.set(thread, own);
            total[label] = (total[label] ?? 0) + by;
            all.tell(thread, [counter('a', ...Object.entries(own).map(([name, value]) => [{ name }, value] as const)), gauge('living', [{}, 1])]);
          }
          const expected = Object.fromEntries(Object.entries(total).map(([name, value]) => [`a${JSON.stringify({ name })}`, value]));
          expect(valuesOf(all.families())).toEqual(counts.size === 0 ? expected : { ...expected, living: counts.size });
        }
      }),
    );
  });
});
