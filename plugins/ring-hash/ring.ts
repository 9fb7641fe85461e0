/**
 * A ring of 2^32 places. Each backend has points on it; a key belongs to the first point at or behind its own place.
 *
 * The j-th point of a backend is `hash32(id, j)`, and how many there are follows from its own weight (nginx, Pingora): so whoever comes, goes or changes weight
 * moves no other's points. Only on a ring that is full do they depend on the sum of all weights, as in ketama, or weights of thousands would fill the memory.
 */
import { hash32, type Member } from '@steelyard/sdk';

/** How large a ring gets. */
export interface RingSize {
  /** For each unit of weight. */
  pointsEach: number;
  /** Most points of all. */
  maxSize: number;
}

export class Ring {
  /** By slot: the index of the member whose point it is. */
  readonly owners: Uint32Array;
  /** Points in order. */
  readonly #points: Uint32Array;
  readonly #ids: readonly string[];
  /** How many points each member has. */
  readonly #counts: readonly number[];
  /** The ring in equal parts, about as many as points: the first slot in each or behind it, so that a look-up passes over one point or two. */
  readonly #firstIn: Uint32Array;
  readonly #shift: number;

  /**
   * @param members with weights above 0, by id
   * @param previous the ring before this change: points of members who have as many as there are taken from it, and only the others' are made and sorted
   */
  constructor(members: readonly Member[], { pointsEach, maxSize }: RingSize, previous?: Ring) {
    this.#ids = members.map(({ backend }) => backend.id);
    this.#counts = pointCounts(members, pointsEach, maxSize);
    const size = this.#counts.reduce((sum, count) => sum + count, 0);
    this.#points = new Uint32Array(size);
    this.owners = new Uint32Array(size);
    const { isKept, newIndex } = this.#keptOf(previous);
    this.#merge(this.#placesOf((owner) => !isKept[owner]), previous, newIndex);

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

  /** Which members have the points they had; by their index there the one they have now, or `GONE`. */
  #keptOf(previous: Ring | undefined): { isKept: readonly boolean[]; newIndex: Uint32Array } {
    const indexOf = new Map(this.#ids.map((id, index) => [id, index]));
    const isKept = this.#ids.map(() => false);
    if (previous === undefined) return { isKept, newIndex: new Uint32Array(0) };
    const newIndex = new Uint32Array(previous.#ids.length).fill(GONE);
    previous.#ids.forEach((id, before) => {
      const now = indexOf.get(id);
      if (now === undefined || this.#counts[now] !== previous.#counts[before]) return;
      newIndex[before] = now;
      isKept[now] = true;
    });
    return { isKept, newIndex };
  }

  /** Points of members in order: place and owner in one number, which is exact below 2^53, sorts natively, and orders points that fall together by owner. */
  #placesOf(isWanted: (owner: number) => boolean): Float64Array {
    const members = this.#ids.length;
    const places = new Float64Array(this.#counts.reduce((sum, count, owner) => sum + (isWanted(owner) ? count : 0), 0));
    let at = 0;
    this.#ids.forEach((id, owner) => {
      if (!isWanted(owner)) return;
      for (let point = 0; point < this.#counts[owner]!; point++) places[at++] = (hash32(id, point) >>> 0) * members + owner;
    });
    return places.sort();
  }

  /** Both are in order, and so is what is kept of the second: ids are. */
  #merge(places: Float64Array, previous: Ring | undefined, newIndex: Uint32Array): void {
    const members = this.#ids.length;
    let slot = 0;
    let at = 0;
    const takeBelow = (limit: number) => {
      for (; at < places.length && places[at]! < limit; at++, slot++) {
        const place = places[at]!;
        this.#points[slot] = Math.floor(place / members);
        this.owners[slot] = place % members;
      }
    };
    for (let before = 0; previous !== undefined && before < previous.owners.length; before++) {
      const owner = newIndex[previous.owners[before]!]!;
      if (owner === GONE) continue;
      const point = previous.#points[before]!;
      takeBelow(point * members + owner);
      this.#points[slot] = point;
      this.owners[slot++] = owner;
    }
    takeBelow(Infinity);
  }
}

const GONE = 0xffff_ffff;

function pointCounts(members: readonly Member[], pointsEach: number, maxSize: number): number[] {
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  const perWeight = Math.min(pointsEach, maxSize / sum);
  return members.map(({ weight }) => Math.max(1, Math.round(weight * perWeight)));
}
