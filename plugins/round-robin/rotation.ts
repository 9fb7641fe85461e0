/** A place in a circle of backends that stays the same place when backends come and go. */
import type { Backend, PoolView } from '@steelyard/sdk';

export class Rotation {
  #order: readonly Backend[] = [];
  /** Index of the one picked last; -1 = none yet. */
  #last = -1;
  /** The trail to follow once there is an order to find it in. */
  #inherited: readonly string[] = [];

  /** The available one behind the last pick. The place moves to what was picked, not by one: else the neighbour of a backend that is down gets its share too. */
  next(pool: PoolView): Backend | undefined {
    const order = this.#order;
    let at = this.#last;
    for (let looked = 0; looked < order.length; looked++) {
      at = at + 1 === order.length ? 0 : at + 1;
      const backend = order[at]!;
      if (!pool.isAvailable(backend)) continue;
      this.#last = at;
      return backend;
    }
    return undefined;
  }

  /** A new circle. The next pick is the one that would have come, or, if it left, the one behind it. */
  setOrder(order: readonly Backend[]): void {
    const trail = this.trail();
    this.#order = order;
    this.follow(trail);
  }

  /** Ids from the last pick backwards, once round. What remains when members leave is the first of them that stayed. */
  trail(): readonly string[] {
    if (this.#last === -1) return this.#inherited;
    return this.#order.map((_, back) => this.#order.at(this.#last - back)!.id);
  }

  /** Takes up the place that a trail describes. Starts at the front where nothing of it is left. */
  follow(trail: readonly string[]): void {
    const places = new Map(this.#order.map((backend, index) => [backend.id, index]));
    const found = trail.find((id) => places.has(id));
    this.#last = found === undefined ? -1 : places.get(found)!;
    this.#inherited = trail;
  }
}
