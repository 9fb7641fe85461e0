/** Metrics that a test reads back. */
import assert from 'node:assert/strict';
import type { Counter, Gauge, Histogram, MetricOptions } from '../metrics.ts';

type MetricType = 'counter' | 'gauge' | 'histogram';
interface Recorded {
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly values: Map<string, number[]>;
  /** How often all was forgotten: who holds a series looks it up again then. */
  timesForgotten: number;
}

/**
 * What one plugin counted. Names as the plugin wrote them, without `steelyard_`.
 * @example
 * const { metrics, ...host } = world().host('mine');
 * const recorded: RecordedMetrics = metrics;
 * recorded.observations('wait_seconds'); // [], nothing was observed
 */
export class RecordedMetrics {
  readonly #metrics = new Map<string, Recorded>();

  /** The value of a counter or gauge for these label values, in the order of `labels`; `undefined` = nothing was recorded. */
  value(name: string, ...labelValues: string[]): number | undefined {
    return this.#series(name, labelValues)?.at(-1);
  }
  /** Everything that a histogram observed for these label values, in order. */
  observations(name: string, ...labelValues: string[]): readonly number[] {
    return this.#series(name, labelValues) ?? [];
  }

  /** Forgets what was recorded; the metrics stay defined. */
  clear(): void {
    for (const record of this.#metrics.values()) {
      record.values.clear();
      record.timesForgotten++;
    }
  }

  counter(name: string, options: MetricOptions): Counter {
    const record = this.#define('counter', name, options);
    const add = (series: number[], by = 1): void => {
      assert.ok(by >= 0, `counter ${name}: add(${by}); a counter never falls, take a gauge`);
      series[0] = (series[0] ?? 0) + by;
    };
    return {
      add: (by, ...labelValues) => add(seriesOf(record, name, labelValues), by),
      labels(...values) {
        const series = heldSeries(record, name, values);
        add(series(), 0);
        return { add: (by) => add(series(), by) };
      },
    };
  }
  gauge(name: string, options: MetricOptions): Gauge {
    const record = this.#define('gauge', name, options);
    const set = (series: number[], value: number): void => void (series[0] = value);
    return {
      set: (value, ...labelValues) => set(seriesOf(record, name, labelValues), value),
      labels(...values) {
        const series = heldSeries(record, name, values);
        set(series(), 0);
        return { set: (value) => set(series(), value) };
      },
    };
  }
  histogram(name: string, options: MetricOptions): Histogram {
    const record = this.#define('histogram', name, options);
    return {
      observe: (value, ...labelValues) => void seriesOf(record, name, labelValues).push(value),
      labels(...values) {
        const series = heldSeries(record, name, values);
        return { observe: (value) => void series().push(value) };
      },
    };
  }

  #define(type: MetricType, name: string, { labels = [] }: MetricOptions): Recorded {
    const known = this.#metrics.get(name);
    const isSame = !known || (known.type === type && known.labels.join() === labels.join());
    assert.ok(isSame, `the metric ${name} is a ${known?.type} with the labels [${known?.labels.join(', ')}] already`);
    const record = known ?? { type, labels, values: new Map<string, number[]>(), timesForgotten: 0 };
    this.#metrics.set(name, record);
    return record;
  }
  #series(name: string, labelValues: readonly string[]): number[] | undefined {
    return this.#metrics.get(name)?.values.get(JSON.stringify(labelValues));
  }
}

/** The series of the label values, looked up when all was forgotten only: a pick that counts allocates nothing here either. */
function heldSeries(record: Recorded, name: string, labelValues: readonly string[]): () => number[] {
  let series = seriesOf(record, name, labelValues);
  let { timesForgotten } = record;
  return () => {
    if (timesForgotten !== record.timesForgotten) {
      timesForgotten = record.timesForgotten;
      series = seriesOf(record, name, labelValues);
    }
    return series;
  };
}

function seriesOf(record: Recorded, name: string, labelValues: readonly string[]): number[] {
  const { labels, values } = record;
  assert.equal(labelValues.length, labels.length, `${name} has ${labels.length} labels [${labels.join(', ')}], but ${labelValues.length} values were given`);
  const key = JSON.stringify(labelValues);
  const series = values.get(key) ?? [];
  values.set(key, series);
  return series;
}
