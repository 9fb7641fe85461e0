/**
 * Views of memory for writes. A handle takes a typed array and no offsets, and making one costs 100 ns and 100 bytes; small messages
 * have few lengths and begin at few places, so theirs are kept.
 */

/** Heads with a small body fit; above it the view is the least of a write's cost. */
const KEPT_BELOW_BYTES = 2_048;
/** Two buffers are written from again and again: the out slab, and what sockets read into. */
const PLACES = 2;

class Place {
  bytes: Buffer | undefined;
  start = 0;
  /** Where writes began last, if not at `start`. */
  other = -1;
  views: (Uint8Array | undefined)[] = [];

  settle(bytes: Buffer, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.other = -1;
    this.views = Array.from({ length: KEPT_BELOW_BYTES }, () => undefined);
  }
}

export class WriteViews {
  readonly #places = Array.from({ length: PLACES }, () => new Place());
  #oldest = 0;

  /** The bytes in [start, end). The same object may come again for the same range. */
  view(bytes: Buffer, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size >= KEPT_BELOW_BYTES) return bytes.subarray(start, end);
    const place = this.#places[0]!.bytes === bytes ? this.#places[0]! : this.#places[1]!;
    if (place.bytes !== bytes || place.start !== start) return this.#elsewhere(bytes, start, end);
    return (place.views[size] ??= bytes.subarray(start, end));
  }

  /** While clients are slow the slab's messages begin somewhere else each time: a place is settled only when it comes twice in a row. */
  #elsewhere(bytes: Buffer, start: number, end: number): Uint8Array {
    let place = this.#places.find((one) => one.bytes === bytes);
    if (!place) {
      place = this.#places[this.#oldest]!;
      this.#oldest = (this.#oldest + 1) % PLACES;
      place.bytes = bytes;
      place.start = -1;
      place.other = start;
    } else if (place.other === start) {
      place.settle(bytes, start);
    } else {
      place.other = start;
    }
    return bytes.subarray(start, end);
  }
}
