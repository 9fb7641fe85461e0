/** Starts exchanges at a steady rate, whatever becomes of those before; counts what became of each, and what should not have. */
import type { Excuses } from './excuses.ts';
import { nameOf, type Fate } from './fate.ts';
import { Wire } from './wire.ts';

/** What an exchange has to do with. */
export interface World {
  random: () => number;
  /** Unique in the run. */
  nextId: () => string;
  ports: { web: number; strict: number; tcp: number };
  /** A keep-alive connection to the web port that nobody uses now; a new one where there is none. */
  take: () => Wire;
  giveBack: (wire: Wire) => void;
}

/** Each is its own promise: `run` never rejects in a run that is right. */
export interface Kind {
  name: string;
  /** Of all kinds: how often it comes. */
  weight: number;
  run: (world: World) => Promise<Fate>;
  /** Names of fates that its faults allow; without an entry only `answered` is. */
  allows: readonly string[];
  /** It takes seconds by its nature. */
  isLong?: boolean;
  /** Beside them, while one of these is under way. */
  excusedBy: readonly Excuse[];
}
/** `worker`: one is being ended. `mortal`: a backend that is killed or stopped. `reload`: what is open for longer than the drain limit. */
export type Excuse = 'worker' | 'mortal' | 'reload';
/** What those excuse: never a wrong answer, never silence. */
const EXCUSED: Record<Excuse, readonly string[]> = {
  worker: ['cut', 'broken'],
  mortal: ['cut', 'broken', '502', '503', '504'],
  reload: ['cut', 'broken'],
};

export interface Violation {
  /** Seconds since the start. */
  at: number;
  kind: string;
  fate: string;
  why: string;
}

const TICK_MS = 20;
const KEPT_WIRES = 24;
const KEPT_VIOLATIONS = 100;
/** More would be a burst that no rate asked for. */
const MOST_OPEN = 400;

export class Traffic {
  /** By kind, then by fate. */
  readonly tally = new Map<string, Map<string, number>>();
  readonly violations: Violation[] = [];
  violationCount = 0;
  excused = 0;
  started = 0;
  ended = 0;
  /** Not started, because too many were open: the machine was too slow for the rate. */
  skipped = 0;
  readonly #kinds: readonly Kind[];
  readonly #weight: number;
  readonly #world: World;
  readonly #excuses: Excuses;
  readonly #perTick: number;
  readonly #idle: Wire[] = [];
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #onIdle: () => void = () => {};

  constructor(kinds: readonly Kind[], world: Pick<World, 'random' | 'ports'>, excuses: Excuses, perSecond: number) {
    this.#kinds = kinds;
    this.#weight = kinds.reduce((sum, { weight }) => sum + weight, 0);
    this.#excuses = excuses;
    this.#perTick = (perSecond * TICK_MS) / 1e3;
    let ids = 0;
    this.#world = {
      ...world,
      nextId: () => `r${++ids}`,
      take: () => {
        for (let wire = this.#idle.shift(); wire; wire = this.#idle.shift()) if (wire.isFree) return wire;
        return new Wire(world.ports.web);
      },
      giveBack: (wire) => {
        if (wire.isFree && this.#idle.length < KEPT_WIRES) this.#idle.push(wire);
        else wire.close();
      },
    };
  }

  get open(): number {
    return this.started - this.ended;
  }

  start(): void {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#due += (this.#perTick * (now - last)) / TICK_MS;
      last = now;
      for (; this.#due >= 1; this.#due--) {
        if (this.open < MOST_OPEN) void this.#run(this.#pick());
        else this.skipped++;
      }
    }, TICK_MS);
  }

  /** No new ones; resolves when the last has ended, and its connections are closed. */
  async rest(): Promise<void> {
    clearInterval(this.#timer);
    if (this.open > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    for (const wire of this.#idle.splice(0)) wire.close();
  }

  #pick(): Kind {
    let left = this.#world.random() * this.#weight;
    return this.#kinds.find(({ weight }) => (left -= weight) < 0) ?? this.#kinds[0]!;
  }

  async #run(kind: Kind): Promise<void> {
    this.started++;
    const beganAt = performance.now();
    const fate = await kind.run(this.#world).catch((error: unknown): Fate => ({ kind: 'wrong', why: String(error) }));
    this.#count(kind, fate, beganAt);
    this.ended++;
    if (this.open === 0) this.#onIdle();
  }

  #count({ name, allows, excusedBy }: Kind, fate: Fate, beganAt: number): void {
    const fateName = nameOf(fate);
    const fates = this.tally.get(name) ?? new Map<string, number>();
    this.tally.set(name, fates.set(fateName, (fates.get(fateName) ?? 0) + 1));
    if (allows.length === 0 ? fate.kind === 'answered' : allows.includes(fateName)) return;
    if (excusedBy.some((excuse) => EXCUSED[excuse].includes(fateName) && this.#excuses.cover(excuse, beganAt))) {
      this.excused++;
      return;
    }
    this.violationCount++;
    if (this.violations.length < KEPT_VIOLATIONS) {
      this.violations.push({ at: (performance.now() - this.#startedAt) / 1e3, kind: name, fate: fateName, why: fate.kind === 'wrong' ? fate.why : '' });
    }
  }
}
