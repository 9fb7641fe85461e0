import type { MetricFamily } from '@steelyard/sdk';
export function mergeFamilies(lists: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const merged = new Map<string, MetricFamily>();
  for (const list of lists) for (const family of list) {
    const known = merged.get(family.name);
    merged.set(family.name, known ? { ...known, samples: [...known.samples, ...family.samples] } as MetricFamily : family);
  }
  return [...merged.values()];
}
