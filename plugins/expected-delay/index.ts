/**
 * `expectedDelay()`: the backend where a request would be through soonest: (in-flight + 1) / (weight x speed), where speed is what is believed of it now.
 *
 * The shortest expected delay of LVS (`sed`), of which the service rate there is the configured weight alone. Here each backend is compared with those of
 * equal weight: how many answers were due from it with what it had in flight, and how many came. Unlike a mean of response times this does not count the
 * queue twice, and it hears silence. A pick costs O(n).
 */
import { defineStrategy, type Backend, type Lease } from '@steelyard/sdk';
import { Belief } from './belief.ts';
import { UsualPace } from './usual-pace.ts';

export interface ExpectedDelayOptions {
  /**
   * For about so long a backend stays as slow, or as fast, as it is: after that without evidence what was learnt counts 1/e. Shorter = quicker to see a change,
   * and more requests to find out about slow ones. Milliseconds, 100 to 600,000; default 5,000.
   */
  holdMs?: number;
}

/** With more than this speed an idle backend is as good as any other idle one: what is little evidence must not send all of a quiet pool's requests to one. */
const AS_USUAL = 0.7;

/** Of one backend, kept over reloads. */
class Watch {
  readonly #belief = new Belief();
  /** Of those that it is compared with; of its own until there are any. */
  #pace = new UsualPace();
  /** At the last `look` or change, 1 = as usual. Not what `look` returns: V8 would box it in each pick. */
  speed = 1;
  /** `now` of the last change. */
  #stamp = 0;
  /** From then on. */
  #inFlight = 0;
  /** Answers per millisecond that are due since. */
  #perMs = 0;

  comparedWith(pace: UsualPace): void {
    this.#pace = pace;
  }

  /** A request came or went: so many are there from now on. */
  change(now: number, inFlight: number, holdMs: number, isAnswer: boolean): void {
    const passedMs = Math.max(0, now - this.#stamp);
    const had = this.#inFlight;
    // As long as nothing is known of any, nothing is due from this one.
    if (this.#perMs > 0 || had === 0) this.#belief.pass(this.#perMs * passedMs, Math.exp(-passedMs / holdMs));
    if (isAnswer && this.#perMs > 0) this.#belief.answered();
    if (had > 0) {
      this.#pace.pass(had, passedMs);
      if (isAnswer) this.#pace.answered(had);
    }
    this.speed = this.#belief.speed;
    this.#stamp = now;
    this.#inFlight = inFlight;
    this.#perMs = this.#pace.at(inFlight);
  }

  /** Sets `speed`. */
  look(now: number, holdMs: number): void {
    const passedMs = Math.max(0, now - this.#stamp);
    this.speed = this.#belief.speedAfter(this.#perMs * passedMs, Math.exp(-passedMs / holdMs));
  }
}

/** Steps of a chance between 0 and 1. Drawn as a whole number: V8 puts a fraction that a function returns on the heap. */
const FINENESS = 2 ** 30;

export default defineStrategy<ExpectedDelayOptions>({
  name: 'expected-delay',
  description: 'the shortest expected delay, by requests in flight and by how fast answers come lately',
  options: {
    holdMs: { type: 'integer', minimum: 100, maximum: 600_000, default: 5_000, description: 'for about so long a backend stays as slow or as fast as it is' },
  },
  create({ holdMs }, host) {
    const watchOf = host.perBackend(() => new Watch());
    const below = (count: number): number => Math.floor(host.random() * count);
    let backends: Backend[] = [];
    let weights = new Float64Array(0);
    let watches: Watch[] = [];
    /** By weight: a strong backend is no measure for a weak one. */
    let paces = new Map<number, UsualPace>();
    const change = ({ backend }: Lease, isAnswer: boolean): void => watchOf(backend).change(host.now(), backend.inFlight, holdMs, isAnswer);
    const compare = (known: ReadonlyMap<number, UsualPace>): void => {
      paces = new Map(Array.from(weights, (weight) => [weight, known.get(weight) ?? new UsualPace()]));
      watches.forEach((watch, i) => watch.comparedWith(paces.get(weights[i]!)!));
    };
    return {
      update(members) {
        const taking = members.filter(({ weight }) => weight > 0);
        backends = taking.map(({ backend }) => backend);
        weights = Float64Array.from(taking, ({ weight }) => weight);
        watches = backends.map((backend) => watchOf(backend));
        compare(paces);
      },
      select(_exchange, pool) {
        const now = host.now();
        let best: Backend | undefined;
        let bestDelay = 0;
        let tiedWeight = 0;
        for (let i = 0; i < backends.length; i++) {
          const backend = backends[i]!;
          const inFlight = backend.inFlight;
          const weight = weights[i]!;
          const usualDelay = (inFlight + 1) / weight;
          // None is faster than usual: who loses even so needs no closer look.
          if ((best !== undefined && usualDelay > bestDelay) || !pool.isAvailable(backend)) continue;
          const watch = watches[i]!;
          // While it is idle its speed only comes nearer to that of anybody, which is above the threshold: above it once is above it still.
          if (inFlight > 0 || watch.speed <= AS_USUAL) watch.look(now, holdMs);
          const delay = inFlight === 0 && watch.speed > AS_USUAL ? usualDelay : usualDelay / watch.speed;
          if (best !== undefined && delay > bestDelay) continue;
          const isTie = best !== undefined && delay === bestDelay;
          tiedWeight = isTie ? tiedWeight + weight : weight;
          if (isTie && (below(FINENESS) / FINENESS) * tiedWeight >= weight) continue;
          best = backend;
          bestDelay = delay;
        }
        return best;
      },
      score({ backend, weight }) {
        const watch = watchOf(backend);
        watch.look(host.now(), holdMs);
        const isAsUsual = backend.inFlight === 0 && watch.speed > AS_USUAL;
        return (backend.inFlight + 1) / weight / (isAsUsual ? 1 : watch.speed);
      },
      onStart: (lease) => change(lease, false),
      // A failure is no answer: how fast it fails says nothing about how fast it answers.
      onEnd: (lease, outcome) => change(lease, outcome.kind === 'answered'),
      snapshot: () => paces,
      adopt: (state) => compare(state as ReadonlyMap<number, UsualPace>),
    };
  },
});
