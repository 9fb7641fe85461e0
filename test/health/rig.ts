/** A health monitor in virtual time, with backends and probes that a test holds in its hand. */
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { HealthChange, Outcome } from '@steelyard/sdk';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { ResolvedBackend } from '../../core/src/config/resolved.ts';
import { HealthMonitor, type ActiveCheck, type EjectingCheck, type MonitoredPool, type MonitorClock } from '../../core/src/health/monitor.ts';
import { PassiveObserver, type PassiveCheck } from '../../core/src/health/observer.ts';
import { BackendState } from '../../core/src/upstream/backend.ts';

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

export class VirtualClock implements MonitorClock {
  /** What `random()` gives: 0.5 is the middle, an interval without jitter. */
  chance = 0.5;
  readonly #timers = new Set<Timer>();
  #now = 0;

  now = (): number => this.#now;
  random = (): number => this.chance;
  after = (ms: number, fn: () => void): (() => void) => {
    const timer = { at: this.#now + ms, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what is due until then, in order; promises settle between two timers. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    for (;;) {
      let next: Timer | undefined;
      for (const timer of this.#timers) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.fn();
      await settled();
    }
    this.#now = until;
  }
}

/** Every promise that can settle without time passing has. */
export async function settled(): Promise<void> {
  await eventLoopTurn();
}

/** The monitor with the observer of one data thread, as `workers: 0` puts them together. */
class Monitor extends HealthMonitor {
  readonly #observer: PassiveObserver;

  constructor(clock: MonitorClock, onFault: (source: string, error: unknown) => void) {
    super(clock, onFault);
    this.#observer = new PassiveObserver(() => clock.now(), {
      failing: (backend, source, failures, last) => this.failing(backend, source, failures, last),
      served: (backend, source) => this.served(backend, source),
      fault: onFault,
    });
  }

  override watch(pools: readonly MonitoredPool[]): void {
    super.watch(pools);
    this.#observer.watch(pools.map(({ members, active, passive }) => ({
      hasActive: active.length > 0,
      checks: passive as TrafficCheck[],
      members: members.map((backend) => ({ backend, bits: passive.map(({ source }) => backend.sourceBit(source)) })),
    })));
  }

  observe(backend: BackendState, outcome: Outcome): void {
    this.#observer.observe(backend, outcome);
  }
}

export type TrafficCheck = EjectingCheck & PassiveCheck;

export function rig() {
  const clock = new VirtualClock();
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const flips: string[] = [];
  const faults: string[] = [];
  const monitor = new Monitor(clock, (source, error) => faults.push(`${source}: ${error instanceof Error ? error.message : String(error)}`));
  const tell = ({ backend, from, to, source, reason }: HealthChange): number => flips.push(`${clock.now()} ${backend.id} ${from}>${to} ${source}: ${reason}`);
  return {
    clock,
    flips,
    faults,
    monitor,
    backend: (id = 'a', spec: Partial<ResolvedBackend> = {}): BackendState => new BackendState('web', { ...SPEC, id, ...spec }, board, tell),
    watch: (members: readonly BackendState[], active: readonly ActiveCheck[], passive: readonly TrafficCheck[] = []): void => monitor.watch([{ name: 'web', members, active, passive }]),
  };
}

const SPEC: ResolvedBackend = {
  id: 'a', url: 'http://10.0.0.1:80', protocol: 'http', host: '10.0.0.1', port: 80, address: '10.0.0.1:80',
  weight: 1, maxInFlight: Infinity, labels: {}, zone: '', priority: 0, drain: false,
};

export const SCHEDULE = { intervalMs: 1000, jitter: 0, timeoutMs: 400, rise: 2, fall: 3 };

/** A check that answers as `good` says at that moment, and notes when it was asked. */
export function switchCheck(clock: VirtualClock, source = 'http-check', schedule = SCHEDULE) {
  const check = {
    source,
    schedule,
    good: true,
    askedAt: [] as number[],
    probe: (): Promise<void> => {
      check.askedAt.push(clock.now());
      return check.good ? Promise.resolve() : Promise.reject(new Error('GET /healthz answered 500, expected 200-399'));
    },
  };
  return check;
}

/** A check whose probes end when the test says so. */
export function manualCheck(clock: VirtualClock, source = 'manual', schedule = SCHEDULE) {
  const probes: { at: number; signal: AbortSignal; pass: () => void; fail: (reason: string) => void }[] = [];
  return {
    source,
    schedule,
    probes,
    probe: (_backend: unknown, signal: AbortSignal): Promise<void> =>
      new Promise((resolve, reject) => probes.push({ at: clock.now(), signal, pass: resolve, fail: (reason) => reject(new Error(reason)) })),
  };
}

export const EJECTION = { failures: 3, ejectMs: 10_000, maxEjectMs: 35_000 };

/** A passive check: 5xx is a failure, a status below 500 a success, and status 0 says nothing. */
export function trafficCheck(source = 'passive-check', ejection = EJECTION): TrafficCheck {
  return {
    source,
    failures: ejection.failures,
    ejection,
    observe: (_backend, outcome) => (outcome.kind === 'failed' ? false : outcome.status === 0 ? undefined : outcome.status < 500),
  };
}

const FACTS = { connectMs: 1, firstByteMs: 2, durationMs: 0, bytesToBackend: 100, bytesFromBackend: 100 };
export const answered = (status: number, durationMs = 0): Outcome => ({ ...FACTS, durationMs, kind: 'answered', status });
export const refused = (durationMs = 0): Outcome => ({ ...FACTS, durationMs, kind: 'failed', phase: 'connect', code: 'ERR_UPSTREAM_CONNECT', status: 0 });
export const aborted = (status = 0): Outcome => ({ ...FACTS, kind: 'aborted', by: 'client', status });
