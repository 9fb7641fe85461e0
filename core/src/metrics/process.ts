/** What the process and each of its threads cost, under the names that Prometheus' own client libraries use where they have one. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { MetricFamily } from '@steelyard/sdk';

/** One wake-up in 20 ms; what blocks the loop for less hardly shows, and costs nobody a time limit. */
const SAMPLE_MS = 20;

/** Of the process as a whole: all its threads. */
export function processFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  return [
    single('process_cpu_seconds_total', 'counter', 'CPU time of the process, user and system.', (user + system) / 1e6),
    single('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', process.memoryUsage.rss()),
    single('process_start_time_seconds', 'gauge', 'When the process started, seconds since 1970.', START_SECONDS),
  ];
}
const START_SECONDS = Date.now() / 1e3 - process.uptime();

/** Of the thread that it lives in. */
export class ThreadMetrics {
  readonly #labels: { thread: string };
  readonly #delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });

  /** @param thread `main`, or `worker-1` */
  constructor(thread: string) {
    this.#labels = { thread };
  }

  /** Measuring the delay of the event loop takes a timer: `start` and `stop` go together. */
  start(): void {
    this.#delay.enable();
  }
  stop(): void {
    this.#delay.disable();
  }

  /** The delay is that since the last snapshot: two exporters share it. */
  snapshot(): MetricFamily[] {
    const labels = this.#labels;
    const families = [
      single('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use, by thread.', process.memoryUsage().heapUsed, labels),
      single('steelyard_event_loop_busy_seconds_total', 'counter', 'Time in which the event loop did not wait, by thread: its rate is the utilization.', performance.eventLoopUtilization().active / 1e3, labels),
      single('steelyard_event_loop_delay_p99_seconds', 'gauge', 'By how much timers came late, 99th percentile since the last snapshot, by thread.', this.#seconds(this.#delay.percentile(99)), labels),
      single('steelyard_event_loop_delay_max_seconds', 'gauge', 'By how much timers came late, longest since the last snapshot, by thread.', this.#seconds(this.#delay.max), labels),
    ];
    this.#delay.reset();
    return families;
  }

  /** Node records the time between two samples, the wanted interval included. */
  #seconds(nanoseconds: number): number {
    return this.#delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - SAMPLE_MS / 1e3);
  }
}

function single(name: string, type: 'counter' | 'gauge', help: string, value: number, labels: Record<string, string> = {}): MetricFamily {
  return { name, type, help, samples: [{ labels, value }] };
}
