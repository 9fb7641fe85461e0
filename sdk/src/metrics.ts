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
export interface Counter {
  /** `by` >= 0, default 1. Label values in the order of `labels`. */
  add(by?: number, ...labelValues: string[]): void;
}
export interface Gauge {
  set(value: number, ...labelValues: string[]): void;
}
export interface Histogram {
  observe(value: number, ...labelValues: string[]): void;
}
export interface HistogramOptions extends MetricOptions {
  /** Upper bounds, ascending, without infinity. Default: 0.5 ms to 60 s, for seconds. */
  bounds?: readonly number[];
}
