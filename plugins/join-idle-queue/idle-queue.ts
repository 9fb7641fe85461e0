/** The queue of idle backends at one dispatcher, that is, in one worker. First in, first out; each stands in it at most once. */
import type { Backend, Member, PoolView } from '@steelyard/sdk';

export class IdleQueue {
  backends: readonly Backend[] = [];
  weights = new Float64Array(0);
  #indices = new Map<Backend, number>();
  /** A ring of indices. */
  #ring = new Int32Array(0);
  #isQueued = new Uint8Array(0);
  #head = 0;
  #length = 0;

  /** Who stayed keeps its place; who is new and idle stands behind. */
  setMembers(members: readonly Member[]): void {
    const inLine = this.#inLine();
    const taking = members.filter(({ weight }) => weight > 0);
    this.backends = taking.map(({ backend }) => backend);
    this.weights = Float64Array.from(taking, ({ weight }) => weight);
    this.#indices = new Map(this.backends.map((backend, index) => [backend, index]));
    this.#ring = new Int32Array(taking.length);
    this.#isQueued = new Uint8Array(taking.length);
    this.#head = 0;
    this.#length = 0;
    for (const backend of inLine) this.joinIfIdle(backend);
    for (const backend of this.backends) this.joinIfIdle(backend);
  }

  #inLine(): Backend[] {
    return Array.from({ length: this.#length }, (_, i) => this.backends[this.#ring[(this.#head + i) % this.#ring.length]!]!);
  }

  /** At the end of a request: the last one's makes it idle. */
  joinIfIdle(backend: Backend): void {
    const index = this.#indices.get(backend);
    if (index === undefined || backend.inFlight > 0 || this.#isQueued[index] === 1) return;
    this.#join(index);
  }

  /**
   * The first of them that is idle still and available. It stays in front until it gets a request: a pick may become none. Who has work from another worker
   * leaves, and comes back when that of this one ends; who is idle and unavailable goes to the end of the queue: nothing else would bring it back.
   */
  next(pool: PoolView): Backend | undefined {
    for (let left = this.#length; left > 0; left--) {
      const index = this.#ring[this.#head]!;
      const backend = this.backends[index]!;
      const isIdle = backend.inFlight === 0;
      if (isIdle && pool.isAvailable(backend)) return backend;
      this.#leave();
      if (isIdle) this.#join(index);
    }
    return undefined;
  }

  /** A request goes to it: if it is the one in front, it leaves. Who is busy further behind leaves when its turn comes. */
  started(backend: Backend): void {
    if (this.#length > 0 && this.backends[this.#ring[this.#head]!] === backend) this.#leave();
  }

  #join(index: number): void {
    this.#isQueued[index] = 1;
    this.#ring[(this.#head + this.#length++) % this.#ring.length] = index;
  }
  #leave(): void {
    this.#isQueued[this.#ring[this.#head]!] = 0;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#length--;
  }
}
