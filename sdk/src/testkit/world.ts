/** A world for plugins to be tested in: its time, its chance and its backends are the test's. */
import type { ProbeRequest, ProbeResponse } from '../host.ts';
import type { Backend, Exchange } from '../model.ts';
import { FakeBackend, FakePool } from './backends.ts';
import type { FakeBackendSpec } from './backends.ts';
import { VirtualClock } from './clock.ts';
import { fakeExchange } from './exchange.ts';
import type { FakeExchange, FakeExchangeSpec } from './exchange.ts';
import { FakeResponseHead } from './fields.ts';
import type { FakeHeaders } from './fields.ts';
import { FakeHooks } from './hooks.ts';
import { FakeHost } from './host.ts';
import { LeaseDesk } from './leases.ts';
import type { FakeLease, LeaseListener } from './leases.ts';
import { SeededRandom } from './random.ts';
import { SharedThings } from './shared.ts';
import { ServedAddresses } from './sockets.ts';

/**
 * How a world begins.
 * @example
 * import type { WorldOptions } from '@steelyard/sdk/testkit';
 * const options: WorldOptions = { seed: 7, wallTime: Date.UTC(2026, 11, 31) };
 */
export interface WorldOptions {
  /** Chance is the same for the same seed: a 32-bit integer. Default 1. */
  seed?: number;
  /** Wall time at the start. Milliseconds since 1970; default 2026-01-01T00:00:00Z. */
  wallTime?: number;
}

/**
 * Answers a probe: a value as `host.probe` gives it; a throw or a rejection is a failed probe.
 * @example
 * import type { ProbeAnswer } from '@steelyard/sdk/testkit';
 * const refusesAll: ProbeAnswer = () => {
 *   throw new Error('connection refused');
 * };
 * world().answerProbes(refusesAll);
 */
export type ProbeAnswer = (
  backend: Backend, request: ProbeRequest | undefined, signal: AbortSignal,
) => ProbeResponse | undefined | Promise<ProbeResponse | undefined>;

/**
 * Makes a world. Nothing in it moves but by the test, and the same seed gives the same run.
 * @example
 * const w = world({ seed: 7 });
 * const host = w.host('my-plugin');
 * host.every(100, () => host.log.info('tick'));
 * w.advance(250);
 * host.lines.length; // 2
 * await w.end();
 */
export function world(options: WorldOptions = {}): World {
  return new World(options);
}

/**
 * What `world()` makes. Hosts and strategies made in it share its time, its chance, its hooks and what plugins keep beside backends.
 * @example
 * const w: World = world();
 * w.exchange({ target: '/cart', headers: { Cookie: 'lb=2' } }).request.header('cookie'); // 'lb=2'
 */
export class World {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly clock = new VirtualClock();
  /** Every hook, for the test to call: `world.hooks.onResponse.call(exchange, result)`. */
  readonly hooks = new FakeHooks();
  /** Probes asked for so far. */
  readonly probes: { readonly backend: Backend; readonly request: ProbeRequest | undefined }[] = [];
  readonly shared = new SharedThings();
  readonly served = new ServedAddresses();

  #wallTimeAtZero: number;
  readonly #hosts: FakeHost[] = [];
  readonly #states = new Map<string, Map<string, unknown>>();
  readonly #desk = new LeaseDesk(() => this.clock.now());
  readonly #running = new Set<Promise<void>>();
  #answer: ProbeAnswer = (_backend, request) => (request ? { status: 200, headers: {}, body: '' } : undefined);
  #backendCount = 0;
  #exchangeCount = 0;

  constructor({ seed = 1, wallTime = Date.UTC(2026, 0, 1) }: WorldOptions) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    this.#wallTimeAtZero = wallTime - this.clock.now();
  }

  now(): number {
    return this.clock.now();
  }
  wallTime(): number {
    return this.#wallTimeAtZero + this.clock.now();
  }
  /** Moves time on by `ms` and runs the timers that fall due, in order. What is asynchronous in them ends by `settled`. */
  advance(ms: number): void {
    this.clock.advance(ms);
  }
  /** The process stood still for `ms`: it is later at once, and each timer that fell due runs once, late. */
  leap(ms: number): void {
    this.clock.leap(ms);
  }
  /** Sets the wall clock, forward or back, as NTP and administrators do; `now` goes on undisturbed. Milliseconds since 1970. */
  setWallTime(to: number): void {
    this.#wallTimeAtZero = to - this.clock.now();
  }
  /** Resolves when every asynchronous timer that was started has come to its end. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
  /** For the host: something that `settled` waits for. */
  follow(running: Promise<void>): void {
    const tracked = running.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** A host for the plugin of this name, in a pool or in none. Asked for again it is the plugin's next generation, beside the first. */
  host(plugin: string, pool = ''): FakeHost {
    const host = new FakeHost(this, plugin, pool);
    this.#hosts.push(host);
    return host;
  }

  /** So many backends, or one for each spec. */
  backends(count: number | readonly FakeBackendSpec[]): FakeBackend[] {
    const specs = typeof count === 'number' ? Array.from({ length: count }, () => ({})) : count;
    return specs.map((spec) => new FakeBackend(++this.#backendCount, spec));
  }
  pool(backends: readonly Backend[], name = 'api'): FakePool {
    return new FakePool(name, backends);
  }

  /** `GET /` from 192.0.2.1 unless the spec says otherwise; `{ protocol: 'tcp' }` for a TCP one. */
  exchange(): FakeExchange<{ protocol?: 'http' }>;
  exchange<S extends FakeExchangeSpec>(spec: S): FakeExchange<S>;
  exchange(spec: FakeExchangeSpec = {}): Exchange {
    return fakeExchange(++this.#exchangeCount, this.now(), spec);
  }
  responseHead(status = 200, headers: FakeHeaders = {}): FakeResponseHead {
    return new FakeResponseHead(status, headers);
  }

  /** Opens a lease on a backend; the listener hears of it as the strategy that picked would. */
  lease(backend: FakeBackend, exchange: Exchange = this.exchange(), listener: LeaseListener = {}): FakeLease {
    return this.#desk.open(backend, exchange, listener);
  }
  /** Leases open now. */
  get openLeases(): readonly FakeLease[] {
    return this.#desk.leases;
  }

  /** How probes are answered from now on. Default: 200 with nothing in it, and a connect that succeeds. */
  answerProbes(answer: ProbeAnswer): void {
    this.#answer = answer;
  }
  /** For the host. */
  async askProbe(backend: Backend, request: ProbeRequest | undefined, signal: AbortSignal): Promise<ProbeResponse | undefined> {
    this.probes.push({ backend, request });
    return this.#answer(backend, request, signal);
  }
  /** For the host: state by plugin, key and backend id. */
  perBackend<T>(name: string, init: (backend: Backend) => T): (backend: Backend) => T {
    const states = this.#states.get(name) ?? new Map<string, unknown>();
    this.#states.set(name, states);
    return (backend) => {
      if (!states.has(backend.id)) states.set(backend.id, init(backend));
      return states.get(backend.id) as T;
    };
  }
  /** Drops what plugins keep beside a backend, as the core does when no generation has it any more. */
  forget(backend: Backend): void {
    for (const states of this.#states.values()) states.delete(backend.id);
  }

  /** Ends every host, the youngest first, and closes what was served. */
  async end(): Promise<void> {
    for (let host = this.#hosts.pop(); host; host = this.#hosts.pop()) await host.end();
    await this.settled();
    await this.served.close();
  }
}
