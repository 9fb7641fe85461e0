/** Families that several threads have counted, as one: what a plugin measures in each worker is shown as the sum. */
import type { HistogramSample, Labels, MetricFamily, NumberSample } from '@steelyard/sdk';

/** Told once a merge for each family that cannot be added, because its type or its bounds are others; it is left out. */
export type OnMismatch = (left: MetricFamily, kept: MetricFamily) => void;

/**
 * Adds families of the same name sample by sample: counters and gauges sum up, histograms cell by cell. Order and help are those of the
 * first list that has the family, or the sample. What was given is not changed.
 */
export function mergeFamilies(lists: readonly (readonly MetricFamily[])[], onMismatch: OnMismatch = () => {}): MetricFamily[] {
  const merged = new Map<string, Sum>();
  for (const list of lists) {
    for (const family of list) {
      const sum = merged.get(family.name);
      if (sum === undefined) merged.set(family.name, new Sum(family));
      else if (!sum.add(family)) onMismatch(family, sum.family());
    }
  }
  return [...merged.values()].map((sum) => sum.family());
}

/**
 * What each thread has told last, and what those that are gone had told: a worker that dies takes its numbers with it, and the one in its
 * place begins at 0, but a counter must never fall. Counters and histograms of the gone stay in the sum as long as a living thread has the
 * family too; gauges go.
 */
export class MonotoneFamilies {
  readonly #told = new Map<number, readonly MetricFamily[]>();
  #remains: readonly MetricFamily[] = [];
  readonly #onMismatch: OnMismatch;

  constructor(onMismatch: OnMismatch = () => {}) {
    this.#onMismatch = onMismatch;
  }

  /** @param thread its number; a thread that takes over the number of a gone one does so after `ended`. */
  tell(thread: number, families: readonly MetricFamily[]): void {
    this.#told.set(thread, families);
  }

  /** The thread is gone. Its last word counts, so what it counted since then is missing. */
  ended(thread: number): void {
    const last = this.#told.get(thread) ?? [];
    this.#told.delete(thread);
    // The newer shape wins: what a reload has changed is not what the long gone had counted.
    this.#remains = mergeFamilies([last.filter(({ type }) => type !== 'gauge'), this.#remains], this.#onMismatch);
  }

  families(): MetricFamily[] {
    // A reload has taken their plugin out: what it had counted would be shown, and kept, for ever.
    const living = new Set([...this.#told.values()].flatMap((families) => families.map(({ name }) => name)));
    if (living.size > 0) this.#remains = this.#remains.filter(({ name }) => living.has(name));
    const inOrder = [...this.#told.keys()].sort((a, b) => a - b).map((thread) => this.#told.get(thread)!);
    return mergeFamilies([...inOrder, this.#remains], this.#onMismatch);
  }
}

/** One family that grows by those of other threads. As long as there is none it is passed on as it came. */
class Sum {
  readonly #first: MetricFamily;
  #samples: Map<string, NumberSample | HistogramSample> | undefined;

  constructor(first: MetricFamily) {
    this.#first = first;
  }

  /** Whether it could be added. */
  add(other: MetricFamily): boolean {
    if (!isLike(this.#first, other)) return false;
    this.#samples ??= new Map(this.#first.samples.map((sample: NumberSample | HistogramSample) => [keyOf(sample.labels), sample]));
    for (const sample of other.samples) {
      const key = keyOf(sample.labels);
      const known = this.#samples.get(key);
      this.#samples.set(key, known === undefined ? sample : added(known, sample));
    }
    return true;
  }

  family(): MetricFamily {
    return this.#samples === undefined ? this.#first : ({ ...this.#first, samples: [...this.#samples.values()] } as MetricFamily);
  }
}

function isLike(one: MetricFamily, other: MetricFamily): boolean {
  if (one.type !== other.type) return false;
  if (one.type !== 'histogram' || other.type !== 'histogram') return true;
  return one.bounds.length === other.bounds.length && one.bounds.every((bound, i) => bound === other.bounds[i]);
}

/** Both of one kind: the families are alike. */
function added(one: NumberSample | HistogramSample, other: NumberSample | HistogramSample): NumberSample | HistogramSample {
  if ('value' in one) return { labels: one.labels, value: one.value + (other as NumberSample).value };
  const { counts, count, sum } = other as HistogramSample;
  return { labels: one.labels, counts: one.counts.map((cell, i) => cell + counts[i]!), count: one.count + count, sum: one.sum + sum };
}

/** The same for the same labels, in whatever order they stand. */
function keyOf(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length === 0) return '';
  if (names.length > 1) names.sort();
  return JSON.stringify(names.map((name) => [name, labels[name]]));
}
