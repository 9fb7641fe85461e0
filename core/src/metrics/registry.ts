/** Plugins' own metrics: kept by name over reloads, claimed anew by each generation. One writer, no locks. */
import { SteelyardError } from '@steelyard/sdk';
import type { Counter, Gauge, Histogram, HistogramOptions, MetricFamily, MetricOptions } from '@steelyard/sdk';
import { bucketOf, histogramSample, LATENCY_BOUNDS_SECONDS } from './histogram.ts';
import { PluginMetrics } from './plugin-metrics.ts';

const PREFIX = 'steelyard_';
const METRIC_NAME = /^[a-z][a-z0-9_]*$/;
/** The Prometheus data model; names with `__` in front are its own, `le` is a histogram's. */
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/**
 * Label sets per metric. A plugin that labels by path or client would fill the memory otherwise; what comes later is
 * counted together, with `(other)` as the value of each label.
 */
const MAX_SERIES = 10_000;
const OVERFLOW = '(other)';
/** Of a label's value. A plugin that labels by a target would otherwise keep 10,000 of 64 KiB each. */
const MAX_VALUE_CHARACTERS = 200;

type Type = 'counter' | 'gauge' | 'histogram';

/** One metric with its series. A histogram's series is its buckets, the one above the last bound, and the sum. */
class Family {
  readonly name: string;
  readonly type: Type;
  readonly help: string;
  readonly labels: readonly string[];
  readonly bounds: readonly number[];
  readonly #series = new Map<string, { values: readonly string[]; cells: Float64Array }>();

  constructor(name: string, type: Type, help: string, labels: readonly string[], bounds: readonly number[]) {
    this.name = name;
    this.type = type;
    this.help = help;
    this.labels = labels;
    this.bounds = bounds;
    // A metric without labels has its one series from the start: a counter that shows 0 is a counter that is there.
    if (labels.length === 0) this.cellsOf([]);
  }

  isLike(other: Family): boolean {
    return this.#shape() === other.#shape();
  }
  #shape(): string {
    return JSON.stringify([this.type, this.help, this.labels, this.bounds]);
  }

  cellsOf(values: readonly string[]): Float64Array {
    const key = values.length === 1 ? String(values[0]) : values.join('\u0000');
    const known = this.#series.get(key);
    if (known) return known.cells;
    if (values.length !== this.labels.length) {
      throw misuse(this.name, `it was given ${values.length} label values; it has ${this.labels.length} labels (${this.labels.join(', ')})`);
    }
    if (values.some(isLong)) return this.cellsOf(values.map((value) => (isLong(value) ? value.slice(0, MAX_VALUE_CHARACTERS) : value)));
    if (this.#series.size >= MAX_SERIES) return this.#overflow();
    return this.#add(key, values.map(String));
  }

  #overflow(): Float64Array {
    const values = this.labels.map(() => OVERFLOW);
    const key = values.join('\u0000');
    return this.#series.get(key)?.cells ?? this.#add(key, values);
  }
  #add(key: string, values: readonly string[]): Float64Array {
    const cells = new Float64Array(this.type === 'histogram' ? this.bounds.length + 2 : 1);
    this.#series.set(key, { values, cells });
    return cells;
  }

  snapshot(): MetricFamily {
    const { name, type, help, bounds } = this;
    const series = [...this.#series.values()].map(({ values, cells }) => ({ labels: Object.fromEntries(this.labels.map((label, i) => [label, values[i]!])), cells }));
    if (type !== 'histogram') return { name, type, help, samples: series.map(({ labels, cells }) => ({ labels, value: cells[0]! })) };
    return { name, type, help, bounds, samples: series.map(({ labels, cells }) => ({ labels, ...histogramSample(cells, 0, bounds.length) })) };
  }
}

/** Of JavaScript comes anything; what is no string is short when it is made one. */
function isLong(value: unknown): boolean {
  return typeof value === 'string' && value.length > MAX_VALUE_CHARACTERS;
}

export class MetricsRegistry {
  readonly plugins = new PluginMetrics();
  readonly #reserved: ReadonlySet<string>;
  #families: ReadonlyMap<string, Family> = new Map();

  /** @param reserved names of the core's own families, which no plugin may take */
  constructor(reserved: Iterable<string> = []) {
    this.#reserved = new Set([...reserved, ...this.plugins.families().map(({ name }) => name)]);
  }

  /** The claims of a generation that is being built. */
  generation(): GenerationMetrics {
    return new GenerationMetrics((family) => this.#find(family), (families) => { this.#families = families; });
  }

  #find(wanted: Family): Family {
    if (this.#reserved.has(wanted.name)) throw misuse(wanted.name, 'it is a metric of the core');
    const known = this.#families.get(wanted.name);
    // Of another shape: the plugin was changed, or another has come. It starts anew, at the switch.
    return known?.isLike(wanted) ? known : wanted;
  }

  snapshot(): MetricFamily[] {
    return [...this.plugins.families(), ...[...this.#families.values()].map((family) => family.snapshot())];
  }
}

/** What the plugins of one generation measure. Shown from `commit` on; what the new generation does not claim is shown no more. */
export class GenerationMetrics {
  readonly #families = new Map<string, Family>();
  readonly #find: (wanted: Family) => Family;
  readonly #adopt: (families: ReadonlyMap<string, Family>) => void;

  constructor(find: (wanted: Family) => Family, adopt: (families: ReadonlyMap<string, Family>) => void) {
    this.#find = find;
    this.#adopt = adopt;
  }

  commit(): void {
    this.#adopt(this.#families);
  }

  counter(name: string, options: MetricOptions): Counter {
    const family = this.#claim(name, 'counter', options, []);
    const add = (cells: Float64Array, by = 1): void => {
      if (!(by >= 0 && by < Infinity)) throw misuse(family.name, `it was counted by ${by}; a counter only grows`);
      cells[0]! += by;
    };
    return {
      add: (by, ...labelValues) => add(family.cellsOf(labelValues), by),
      labels(...values) {
        const cells = family.cellsOf(values);
        return { add: (by) => add(cells, by) };
      },
    };
  }

  gauge(name: string, options: MetricOptions): Gauge {
    const family = this.#claim(name, 'gauge', options, []);
    return {
      set: (value, ...labelValues) => { family.cellsOf(labelValues)[0] = value; },
      labels(...values) {
        const cells = family.cellsOf(values);
        return { set: (value) => { cells[0] = value; } };
      },
    };
  }

  histogram(name: string, options: HistogramOptions): Histogram {
    const bounds = [...(options.bounds ?? LATENCY_BOUNDS_SECONDS)];
    if (bounds.length === 0 || !bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!))) {
      throw misuse(PREFIX + name, 'its bounds must ascend and be finite');
    }
    const family = this.#claim(name, 'histogram', options, bounds);
    const observe = (cells: Float64Array, value: number): void => {
      // Its sum would be NaN, or without end, for ever.
      if (!Number.isFinite(value)) throw misuse(family.name, `it was given ${value}; observed are finite numbers`);
      cells[bucketOf(bounds, value)]! += 1;
      cells[bounds.length + 1]! += value;
    };
    return {
      observe: (value, ...labelValues) => observe(family.cellsOf(labelValues), value),
      labels(...values) {
        const cells = family.cellsOf(values);
        return { observe: (value) => observe(cells, value) };
      },
    };
  }

  #claim(name: string, type: Type, { help, labels = [] }: MetricOptions, bounds: readonly number[]): Family {
    const fullName = PREFIX + name;
    if (!METRIC_NAME.test(name)) throw misuse(fullName, 'a metric name has small letters, digits and _ only, and begins with a letter');
    const bad = labels.find((label) => !LABEL_NAME.test(label) || label === 'le');
    if (bad !== undefined) throw misuse(fullName, `${JSON.stringify(bad)} cannot be a label name`);
    const wanted = new Family(fullName, type, help, [...labels], bounds);
    const own = this.#families.get(fullName);
    if (own === undefined) {
      const family = this.#find(wanted);
      this.#families.set(fullName, family);
      return family;
    }
    if (!own.isLike(wanted)) throw misuse(fullName, 'it is there already, with another type, help, labels or bounds');
    return own;
  }
}

function misuse(name: string, fault: string): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `metric ${name}: ${fault}`, source: 'plugin' });
}
