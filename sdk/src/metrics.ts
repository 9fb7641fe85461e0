/** One consistent picture of all numbers, taken when an exporter asks. */

export type Labels = Readonly<Record<string, string>>;

export interface NumberSample {
  labels: Labels;
  value: number;
}
export interface HistogramSample {
  labels: Labels;
  /** Observations at or below each bound of the family, cumulative; same length as `bounds`. */
  counts: readonly number[];
  /** All observations, those above the last bound too. */
  count: number;
  sum: number;
}
interface FamilyBase {
  /** `steelyard_requests_total`: Prometheus' naming, unit in the name, base units (seconds, bytes). */
  name: string;
  help: string;
}
export type MetricFamily =
  | (FamilyBase & { type: 'counter' | 'gauge'; samples: readonly NumberSample[] })
  | (FamilyBase & { type: 'histogram'; bounds: readonly number[]; samples: readonly HistogramSample[] });

export interface MetricsSnapshot {
  /** Wall time, milliseconds since 1970. */
  takenAt: number;
  families: readonly MetricFamily[];
}

export interface MetricOptions {
  help: string;
  /** Label names; each call gives a value for each. Default: none. */
  labels?: readonly string[];
}
/** One series of a metric, its label values given: using it looks up nothing and allocates nothing, so it may be used at each pick. */
export interface CounterSeries {
  /** `by` >= 0, default 1. */
  add(by?: number): void;
}
export interface GaugeSeries {
  set(value: number): void;
}
export interface HistogramSeries {
  /** `value` is finite. */
  observe(value: number): void;
}
export interface Counter {
  /** What all workers have counted is added up, those that are gone included. `by` >= 0, default 1. Label values in the order of `labels`. */
  add(by?: number, ...labelValues: string[]): void;
  /** The series of these label values, shown from now on. */
  labels(...values: string[]): CounterSeries;
}
export interface Gauge {
  /**
   * The values of all workers are added, so a gauge tells of what each has for itself (open streams, bytes held), not of what all see alike;
   * that of a worker that is gone counts no more.
   */
  set(value: number, ...labelValues: string[]): void;
  /** As of `Counter`. */
  labels(...values: string[]): GaugeSeries;
}
export interface Histogram {
  /** What all workers have observed is added up, those that are gone included. */
  observe(value: number, ...labelValues: string[]): void;
  /** As of `Counter`. */
  labels(...values: string[]): HistogramSeries;
}
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, without infinity. Default: 0.5 ms to 60 s, for seconds. */
  bounds?: readonly number[];
}
