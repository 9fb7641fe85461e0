/** Looks at the balancer's process, from outside and inside. */
import { connect } from 'node:net';
import { cpuTimeOf } from '../../bench/rig/cpu-time.ts';
import { ownNumbers } from './metrics.ts';
import { procSampleOf, type ProcSample, total } from './proc.ts';
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
  /** From the end of the traffic until all was as it should be, without the collection. Milliseconds. */
  settledMs: number;
}

const SETTLE_LIMIT_MS = 30_000;
const SETTLE_STEP_MS = 150;
const ASKED_MS = 30;
/** The connections of a question go when both sides have had their turn: on a busy machine that takes more than one of these looks. */
const ASKED_LOOKS = 2;
/** A health check under way has another timer than one that waits: what counts is what stays. */
const SAME_LOOKS = 4;

interface State {
  state: Record<string, number>;
  /** By their milliseconds. */
  timers: Record<string, number>;
}

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

  /** Waits until all is as at the base line (for the base line: until nothing is under way, several times the same), or the time limit has passed. */
  async quiet(order: Order, base?: QuietSample): Promise<QuietSample> {
    const beganAt = performance.now();
    const limit = beganAt + SETTLE_LIMIT_MS;
    await this.#settled(base?.state, limit);
    const settledMs = performance.now() - beganAt;
    for (;;) {
      const sample = await this.#collected(order, base, limit, settledMs);
      if (sample.astray.length === 0 || performance.now() > limit) return sample;
    }
  }

  async #collected(order: Order, base: QuietSample | undefined, limit: number, settledMs: number): Promise<QuietSample> {
    const threads = await this.#ask(order);
    const { rssBytes } = procSampleOf(this.#pid);
    const objects = sumsOf(threads.map(({ objects }) => objects));
    // The collection has held the threads up: health checks that were due come all at once behind it.
    const { timers, state: settled } = await this.#settled(base?.state, limit);
    const state = { ...settled, ...objects };
    const astray = base ? differences(state, base.state, namesToCompare({ state, objects }, base)) : [];
    if (base && astray.some((difference) => difference.startsWith('timers'))) astray.push(`timers by their ms: ${JSON.stringify(timers)}, at first ${JSON.stringify(base.timers)}`);
    return {
      at: this.at, rssBytes, heapBytes: sumOf(threads, ({ heapBytes }) => heapBytes), externalBytes: sumOf(threads, ({ externalBytes }) => externalBytes),
      state, objects, timers, astray, settledMs,
    };
  }

  /** Looks, at what costs nothing to look at, until it is as it should be, or the time has come. */
  async #settled(base: Readonly<Record<string, number>> | undefined, limit: number): Promise<State> {
    let before: Record<string, number> = {};
    let same = 0;
    for (;;) {
      const answers = await this.#ask('look');
      const state = await this.#state(answers);
      same = nothingIsOpen(state) && differences(state, before, Object.keys(state)).length === 0 ? same + 1 : 0;
      const isSettled = base ? differences(state, base, Object.keys(state)).length === 0 : same >= SAME_LOOKS;
      if (isSettled || performance.now() > limit) return { state, timers: sumsOf(answers.map(({ timers }) => timers)) };
      before = state;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS));
    }
  }

  /** What the system shows when the connections of the sampler's own questions are gone: the look with the fewest descriptors. */
  async #unasked(): Promise<ProcSample> {
    let fewest: ProcSample | undefined;
    for (let looks = 0; looks < ASKED_LOOKS; looks++) {
      await new Promise((resolve) => setTimeout(resolve, ASKED_MS));
      const sample = procSampleOf(this.#pid);
      if (!fewest || total(sample.descriptors) < total(fewest.descriptors)) fewest = sample;
    }
    return fewest!;
  }

  async #state(answers: readonly ThreadSample[]): Promise<Record<string, number>> {
    const { inFlight, connectionsOpen, series } = await ownNumbers(this.#ports.metrics);
    const { descriptors, sockets, threads } = await this.#unasked();
    const state: Record<string, number> = { 'in flight': inFlight, 'connections open': connectionsOpen, 'metric series': series, threads, 'threads that answered': answers.length };
    state['timers'] = sumOf(answers, ({ timers }) => total(timers));
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

/** Objects are compared that were counted both times. */
function namesToCompare(now: Pick<QuietSample, 'state' | 'objects'>, base: QuietSample): string[] {
  return Object.keys({ ...base.state, ...now.state }).filter((name) => name in now.objects === name in base.objects);
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
