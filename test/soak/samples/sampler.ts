/** Looks at the balancer's process, from outside and inside. */
import { connect } from 'node:net';
import { cpuTimeOf } from '../../bench/rig/cpu-time.ts';
import { ownNumbers } from './metrics.ts';
import { procSampleOf, total } from './proc.ts';
import type { Order, ThreadSample } from './probe.ts';

/** While traffic flows. */
export interface TimelineSample {
  /** Seconds since the start. */
  at: number;
  rssBytes: number;
  /** With garbage. */
  heapBytes: number;
  descriptors: number;
  sockets: Record<string, number>;
  /** Set in all threads. */
  timers: number;
  inFlight: number;
  connectionsOpen: number;
  /** Share of a core since the last sample. */
  cpu: number;
  /** Exchanges of the driver ended so far, and what became of them. */
  ended: number;
  fates: Record<string, number>;
}

/** While nothing is under way and the base config serves, behind a collection of all garbage. */
export interface QuietSample {
  at: number;
  rssBytes: number;
  heapBytes: number;
  externalBytes: number;
  /** What must be as it was at the base line, to the unit. */
  state: Record<string, number>;
  /** By their milliseconds. */
  timers: Record<string, number>;
  /** Those of `state` that were counted in the heaps: at the base line and at the end. */
  objects: Record<string, number>;
  /** What was not within the time limit, as `sockets established: 3, at first 0`. */
  astray: string[];
  /** From the end of the traffic until then. Milliseconds. */
  settledMs: number;
}

const SETTLE_LIMIT_MS = 30_000;
const SETTLE_STEP_MS = 250;
const ASKED_MS = 30;

export class Sampler {
  readonly #pid: number;
  readonly #ports: { metrics: number; probe: number };
  readonly #workers: number;
  readonly #startedAt = performance.now();
  #cpu: { ns: number; at: number };

  constructor(pid: number, ports: { metrics: number; probe: number }, workers: number) {
    this.#pid = pid;
    this.#ports = ports;
    this.#workers = workers;
    this.#cpu = { ns: cpuTimeOf(pid).totalNs, at: performance.now() };
  }

  /** Seconds since the start. */
  get at(): number {
    return (performance.now() - this.#startedAt) / 1e3;
  }

  async timeline(driver: Pick<TimelineSample, 'ended' | 'fates'>): Promise<TimelineSample> {
    const [threads, own] = await Promise.all([this.#ask('look'), ownNumbers(this.#ports.metrics)]);
    const { rssBytes, descriptors, sockets } = procSampleOf(this.#pid);
    const [ns, now] = [cpuTimeOf(this.#pid).totalNs, performance.now()];
    const cpu = (ns - this.#cpu.ns) / 1e6 / (now - this.#cpu.at);
    this.#cpu = { ns, at: now };
    return {
      at: this.at, rssBytes, heapBytes: sumOf(threads, ({ heapBytes }) => heapBytes), descriptors: total(descriptors), sockets,
      timers: sumOf(threads, ({ timers }) => total(timers)), inFlight: own.inFlight, connectionsOpen: own.connectionsOpen, cpu, ...driver,
    };
  }

  /** Waits until all is as at the base line (for the base line: until nothing is under way, twice the same), or the time limit has passed. */
  async quiet(order: Order, base?: QuietSample): Promise<QuietSample> {
    const beganAt = performance.now();
    const isLate = (): boolean => performance.now() - beganAt > SETTLE_LIMIT_MS;
    let before: Record<string, number> | undefined;
    for (; !isLate(); await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS))) {
      const cheap = await this.#outside();
      if (base ? differences(cheap, base.state, Object.keys(cheap)).length > 0 : !nothingIsOpen(cheap)) continue;
      const sample = await this.#settled(order === 'count' && base ? 'count' : 'collect', beganAt, base);
      const isSettled = base ? sample.astray.length === 0 : before !== undefined && differences(sample.state, before, Object.keys(sample.state)).length === 0;
      if (isSettled && base) return sample;
      if (isSettled) break;
      before = sample.state;
    }
    return await this.#settled(order, beganAt, base);
  }

  async #settled(order: Order, beganAt: number, base: QuietSample | undefined): Promise<QuietSample> {
    const threads = await this.#ask(order);
    const objects = sumsOf(threads.map(({ objects }) => objects));
    const timers = sumsOf(threads.map(({ timers }) => timers));
    const state = { ...(await this.#outside()), timers: total(timers), 'threads that answered': threads.length, ...objects };
    return {
      at: this.at, rssBytes: procSampleOf(this.#pid).rssBytes, heapBytes: sumOf(threads, ({ heapBytes }) => heapBytes), externalBytes: sumOf(threads, ({ externalBytes }) => externalBytes),
      state, objects, timers, astray: base ? differences(state, base.state, namesToCompare(state, base)) : [], settledMs: performance.now() - beganAt,
    };
  }

  async #outside(): Promise<Record<string, number>> {
    const { inFlight, connectionsOpen, series } = await ownNumbers(this.#ports.metrics);
    // The connections of these very questions are to be gone.
    await new Promise((resolve) => setTimeout(resolve, ASKED_MS));
    const { descriptors, sockets, threads } = procSampleOf(this.#pid);
    const state: Record<string, number> = { 'in flight': inFlight, 'connections open': connectionsOpen, 'metric series': series, threads };
    for (const [kind, count] of Object.entries(descriptors)) state[`descriptors ${kind}`] = count;
    for (const [name, count] of Object.entries(sockets)) state[`sockets ${name}`] = count;
    return state;
  }

  #ask(order: Order): Promise<ThreadSample[]> {
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = connect(this.#ports.probe, '127.0.0.1', () => socket.write(`${order} ${this.#workers}\n`));
      socket.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve(JSON.parse(text) as ThreadSample[])).on('error', reject);
    });
  }
}

const OPEN = ['in flight', 'connections open', 'sockets established', 'sockets close-wait'];
function nothingIsOpen(state: Readonly<Record<string, number>>): boolean {
  return OPEN.every((name) => (state[name] ?? 0) === 0);
}

/** Objects that were not counted this time are not compared. */
function namesToCompare(state: Readonly<Record<string, number>>, base: QuietSample): string[] {
  return Object.keys({ ...base.state, ...state }).filter((name) => name in state || !(name in base.objects));
}

function sumsOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const each of counts) for (const [name, count] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function differences(now: Readonly<Record<string, number>>, base: Readonly<Record<string, number>>, names: readonly string[]): string[] {
  return names.filter((name) => (now[name] ?? 0) !== (base[name] ?? 0)).map((name) => `${name}: ${now[name] ?? 0}, at first ${base[name] ?? 0}`);
}

function sumOf<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((sum, item) => sum + value(item), 0);
}
