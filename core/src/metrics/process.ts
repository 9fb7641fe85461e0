/** What the process itself costs, under the names that Prometheus' own client libraries use where they have one. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { MetricFamily } from '@steelyard/sdk';

/** One wake-up in 20 ms; what blocks the loop for less hardly shows, and costs nobody a time limit. */
const SAMPLE_MS = 20;

export class ProcessMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: SAMPLE_MS });

  /** Measuring the delay of the event loop takes a timer: `start` and `stop` go together. */
  start(): void {
    this.#delay.enable();
  }
  stop(): void {
    this.#delay.disable();
  }

  /** The delay is that since the last snapshot: two exporters share it. */
  snapshot(): MetricFamily[] {
    const { user, system } = process.cpuUsage();
    const { heapUsed } = process.memoryUsage();
    const families = [
      single('process_cpu_seconds_total', 'counter', 'CPU time of the process, user and system.', (user + system) / 1e6),
      single('process_resident_memory_bytes', 'gauge', 'Resident memory of the process.', process.memoryUsage.rss()),
      single('process_start_time_seconds', 'gauge', 'When the process started, seconds since 1970.', performance.timeOrigin / 1e3),
      single('nodejs_heap_size_used_bytes', 'gauge', 'JavaScript heap in use.', heapUsed),
      single('steelyard_event_loop_busy_seconds_total', 'counter', 'Time in which the event loop did not wait: its rate is the utilization.', performance.eventLoopUtilization().active / 1e3),
      single('steelyard_event_loop_delay_p99_seconds', 'gauge', 'By how much timers came late, 99th percentile since the last snapshot.', this.#seconds(this.#delay.percentile(99))),
      single('steelyard_event_loop_delay_max_seconds', 'gauge', 'By how much timers came late, longest since the last snapshot.', this.#seconds(this.#delay.max)),
    ];
    this.#delay.reset();
    return families;
  }

  /** Node records the time between two samples, the wanted interval included. */
  #seconds(nanoseconds: number): number {
    return this.#delay.count === 0 ? 0 : Math.max(0, nanoseconds / 1e9 - SAMPLE_MS / 1e3);
  }
}

function single(name: string, type: 'counter' | 'gauge', help: string, value: number): MetricFamily {
  return { name, type, help, samples: [{ labels: {}, value }] };
}
