/** What a scenario counts, and how it is called in tables. */
export interface Metric {
  /** Of a column: with its unit. */
  label: string;
  /** In sentences and over charts. */
  title: string;
  /** Digits behind the point. */
  digits: number;
  /** Which way is better. */
  better: 'less' | 'more';
  /** From the CPU time of the proxy, nanoseconds, and what the load carried. Absent: the load measures the cost. */
  ofCpuTime?: (ns: number, load: { requests: number; bytes: number }) => number;
}

const MIB = 2 ** 20;

export const CPU_PER_REQUEST: Metric = {
  label: 'CPU µs/request', title: 'CPU time per request, µs', digits: 1, better: 'less', ofCpuTime: (ns, { requests }) => ns / 1e3 / requests,
};
export const CPU_PER_MIB: Metric = {
  label: 'CPU µs/MiB', title: 'CPU time per MiB, µs', digits: 0, better: 'less', ofCpuTime: (ns, { bytes }) => ns / 1e3 / (bytes / MIB),
};
export const P99: Metric = { label: 'p99 µs', title: '99th percentile of the latency, µs', digits: 0, better: 'less' };
export const MEMORY: Metric = { label: 'KiB/connection', title: 'resident memory per connection, KiB', digits: 2, better: 'less' };
export const HEAP: Metric = { label: 'bytes/request', title: 'JavaScript heap allocated per request, bytes', digits: 0, better: 'less' };
export const THROUGHPUT: Metric = { label: 'requests/s', title: 'requests per second', digits: 0, better: 'more' };
