/**
 * A ring of 2^32 places. Each backend has points on it; a key belongs to the first point at or behind its own place.
 *
 * The j-th point of a backend is `hash32(id, j)`, and how many there are follows from its own weight (nginx, Pingora): so whoever comes, goes or changes weight
 * moves no other's points. Only on a ring that is full do they depend on the sum of all weights, as in ketama, or weights of thousands would fill the memory.
 */
import { hash32, type Member } from '@steelyard/sdk';

export class Ring {
  /** By slot: the index of the member whose point it is. */
  readonly owners: Uint32Array;
  /** Points in order. */
  readonly #points: Uint32Array;
  /** The ring in equal parts, about as many as points: the first slot in each or behind it, so that a look-up passes over one point or two. */
  readonly #firstIn: Uint32Array;
  readonly #shift: number;

  /** @param members with weights above 0, in an order of their own */
  constructor(members: readonly Member[], pointsEach: number, maxSize: number) {
    const counts = pointCounts(members, pointsEach, maxSize);
    const size = counts.reduce((sum, count) => sum + count, 0);
    // Place and owner in one number, which is exact below 2^53: sorted natively, and points that fall together are ordered by their owners.
    const places = new Float64Array(size);
    let at = 0;
    members.forEach(({ backend }, owner) => {
      for (let point = 0; point < counts[owner]!; point++) places[at++] = (hash32(backend.id, point) >>> 0) * members.length + owner;
    });
    places.sort();
    this.#points = Uint32Array.from(places, (place) => Math.floor(place / members.length));
    this.owners = Uint32Array.from(places, (place) => place % members.length);

    const bits = Math.max(1, 32 - Math.clz32(size));
    this.#shift = 32 - bits;
    this.#firstIn = new Uint32Array(2 ** bits);
    for (let part = 0, slot = 0; part < this.#firstIn.length; part++) {
      while (slot < size && this.#points[slot]! >>> this.#shift < part) slot++;
      this.#firstIn[part] = slot;
    }
  }

  /** @param hash 32 bits of the key */
  slotOf(hash: number): number {
    const points = this.#points;
    const place = hash >>> 0;
    let slot = this.#firstIn[place >>> this.#shift]!;
    while (slot < points.length && points[slot]! < place) slot++;
    return slot === points.length ? 0 : slot;
  }
}

function pointCounts(members: readonly Member[], pointsEach: number, maxSize: number): number[] {
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  const perWeight = Math.min(pointsEach, maxSize / sum);
  return members.map(({ weight }) => Math.max(1, Math.round(weight * perWeight)));
}
