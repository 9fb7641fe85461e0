/** `tcpCheck()`: a backend is good when it accepts a TCP connection. */
import { defineHealthCheck } from '@steelyard/sdk';

export interface TcpCheckOptions {
  /** Between the starts of two checks of a backend. Milliseconds, 10 to 86,400,000; default 2,000. */
  intervalMs?: number;
  /** Share of the interval by which each check is moved at random, 0 to 1; default 0.1. With 0, checks of many backends stay in step. */
  jitter?: number;
  /** No connection by then is a failure. Milliseconds, 1 to 3,600,000; default 1,000. */
  timeoutMs?: number;
  /** Good checks in a row before a marked backend gets traffic again. 1 to 1,000; default 2. */
  rise?: number;
  /** Failed checks in a row before a backend gets no traffic. 1 to 1,000; default 3. */
  fall?: number;
}

export default defineHealthCheck<TcpCheckOptions>({
  name: 'tcp-check',
  description: 'active check: the backend accepts a TCP connection',
  options: {
    intervalMs: { type: 'integer', minimum: 10, maximum: 86_400_000, default: 2000 },
    jitter: { type: 'number', minimum: 0, maximum: 1, default: 0.1 },
    timeoutMs: { type: 'integer', minimum: 1, maximum: 3_600_000, default: 1000 },
    rise: { type: 'integer', minimum: 1, maximum: 1000, default: 2 },
    fall: { type: 'integer', minimum: 1, maximum: 1000, default: 3 },
  },
  create: (schedule, host) => ({
    schedule,
    async probe(backend, signal) {
      await host.probe(backend, undefined, signal);
    },
  }),
});
