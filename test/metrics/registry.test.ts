import { describe, expect, it } from 'vitest';
import type { MetricFamily } from '@steelyard/sdk';
import { MetricsRegistry } from '../../core/src/metrics/registry.ts';
import { coreFamilyNames } from '../../core/src/metrics/core-names.ts';

const help = 'what it counts';
const fault = (text: string) => expect.objectContaining({ code: 'ERR_PLUGIN_DEFINITION', message: expect.stringContaining(text) });

function family(registry: MetricsRegistry, name: string): MetricFamily | undefined {
  return registry.snapshot().find((family) => family.name === name);
}

describe('metrics of plugins', () => {
  it('are shown from the commit on, with steelyard_ before the name', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    const counter = generation.counter('hits_total', { help, labels: ['user'] });
    counter.add(undefined, 'alice');
    counter.add(2, 'alice');
    counter.add(0.5, 'bob');
    expect(family(registry, 'steelyard_hits_total')).toBeUndefined();
    generation.commit();
    expect(family(registry, 'steelyard_hits_total')).toEqual({
      name: 'steelyard_hits_total', type: 'counter', help, samples: [{ labels: { user: 'alice' }, value: 3 }, { labels: { user: 'bob' }, value: 0.5 }],
    });
  });
  it('without labels are 0 from the start', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    generation.gauge('depth', { help });
    generation.commit();
    expect(family(registry, 'steelyard_depth')!.samples).toEqual([{ labels: {}, value: 0 }]);
  });
  it('of kind histogram have cumulative buckets, a count of all, and a sum', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    const histogram = generation.histogram('wait_seconds', { help, bounds: [1, 2, 5] });
    for (const value of [0.5, 1, 1.5, 5, 9]) histogram.observe(value);
    generation.commit();
    expect(family(registry, 'steelyard_wait_seconds')).toMatchObject({ type: 'histogram', bounds: [1, 2, 5], samples: [{ labels: {}, counts: [2, 3, 4], count: 5, sum: 17 }] });
  });
  it('keep their counts over a reload, and go when nobody claims them any more', () => {
    const registry = new MetricsRegistry();
    const old = registry.generation();
    const before = old.counter('hits_total', { help });
    old.counter('gone_total', { help });
    before.add(3);
    old.commit();
    const next = registry.generation();
    next.counter('hits_total', { help }).add();
    next.commit();
    // The old generation is still draining.
    before.add();
    expect(family(registry, 'steelyard_hits_total')!.samples).toEqual([{ labels: {}, value: 5 }]);
    expect(family(registry, 'steelyard_gone_total')).toBeUndefined();
  });
  it('start anew when the reload gives them another shape, and stay as they are when that reload fails', () => {
    const registry = new MetricsRegistry();
    const old = registry.generation();
    old.counter('hits_total', { help }).add(3);
    old.commit();
    const next = registry.generation();
    next.counter('hits_total', { help, labels: ['user'] }).add(1, 'alice');
    expect(family(registry, 'steelyard_hits_total')!.samples).toEqual([{ labels: {}, value: 3 }]);
    next.commit();
    expect(family(registry, 'steelyard_hits_total')!.samples).toEqual([{ labels: { user: 'alice' }, value: 1 }]);
  });
  it('are one where one generation asks twice alike, and a fault where it asks for another shape', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    generation.counter('hits_total', { help }).add();
    generation.counter('hits_total', { help }).add();
    for (const ask of [
      () => generation.gauge('hits_total', { help }), () => generation.counter('hits_total', { help: 'other' }), () => generation.counter('hits_total', { help, labels: ['a'] }),
    ]) expect(ask).toThrow(fault('it is there already'));
    generation.commit();
    expect(family(registry, 'steelyard_hits_total')!.samples).toMatchObject([{ value: 2 }]);
  });
  it('cannot have a name of the core, a bad name, or a bad label', () => {
    const generation = new MetricsRegistry(coreFamilyNames()).generation();
    expect(() => generation.counter('requests_total', { help })).toThrow(fault('metric of the core'));
    expect(() => generation.counter('plugin_failures_total', { help })).toThrow(fault('metric of the core'));
    for (const name of ['Hits', '1st', 'a-b', '']) expect(() => generation.counter(name, { help })).toThrow(fault('a metric name'));
    for (const label of ['le', '__name', '1', 'a-b']) expect(() => generation.histogram('x', { help, labels: [label] })).toThrow(fault('label name'));
    for (const bounds of [[], [2, 1], [1, 1], [1, Infinity]]) expect(() => generation.histogram('y', { help, bounds })).toThrow(fault('bounds'));
  });
  it('have series with the label values given, shown from then on, and the same as those by value', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    const hits = generation.counter('hits_total', { help, labels: ['user'] });
    const streams = generation.gauge('streams', { help, labels: ['user'] });
    const waits = generation.histogram('wait_seconds', { help, labels: ['user'], bounds: [1] });
    const [ofAlice, alicesStreams, alicesWaits] = [hits.labels('alice'), streams.labels('alice'), waits.labels('alice')];
    generation.commit();
    const shown = (): unknown[] => registry.snapshot().slice(-3).map(({ samples }) => samples);
    const labels = { user: 'alice' };
    expect(shown()).toEqual([[{ labels, value: 0 }], [{ labels, value: 0 }], [{ labels, counts: [0], count: 0, sum: 0 }]]);
    ofAlice.add();
    ofAlice.add(2);
    hits.add(4, 'alice');
    alicesStreams.set(5);
    alicesWaits.observe(0.5);
    expect(shown()).toEqual([[{ labels, value: 7 }], [{ labels, value: 5 }], [{ labels, counts: [1], count: 1, sum: 0.5 }]]);
    expect(() => ofAlice.add(-1)).toThrow(fault('only grows'));
    expect(() => alicesWaits.observe(Number.NaN)).toThrow(fault('finite numbers'));
    expect(() => hits.labels()).toThrow(fault('0 label values'));
  });

  it('refuse a wrong number of label values, and a counter that shrinks', () => {
    const counter = new MetricsRegistry().generation().counter('hits_total', { help, labels: ['a', 'b'] });
    expect(() => counter.add(1, 'x')).toThrow(fault('1 label values'));
    expect(() => counter.add(-1, 'x', 'y')).toThrow(fault('only grows'));
    expect(() => counter.add(Number.NaN, 'x', 'y')).toThrow(fault('only grows'));
  });
  it('count what comes after 10,000 label sets together: a label of paths does not fill the memory', () => {
    const registry = new MetricsRegistry();
    const generation = registry.generation();
    const counter = generation.counter('hits_total', { help, labels: ['path'] });
    for (let i = 0; i < 10_100; i++) counter.add(1, `/${i}`);
    generation.commit();
    const { samples } = family(registry, 'steelyard_hits_total')!;
    expect(samples).toHaveLength(10_001);
    expect(samples.at(-1)).toEqual({ labels: { path: '(other)' }, value: 100 });
  });
});
