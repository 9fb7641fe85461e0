/** Request body bytes that are kept: until they can be sent, and while the request may have to be sent again. Payload only, framing is the wire's. */

/**
 * Sizes of blocks that are used again, and how many of each wait for that; more are left to the garbage collector. Most bodies that may
 * be sent again fit the small one; what one read of the client brings fits the large one, which costs more to make than to fill.
 */
const BLOCKS = [
  { bytes: 16_384, most: 64 },
  { bytes: 131_072, most: 8 },
] as const;
const free: Buffer[][] = BLOCKS.map(() => []);
const NOTHING = Buffer.alloc(0);

export class HeldBody {
  bytes: Buffer = NOTHING;
  length = 0;

  /** Room for `size` more bytes at `length` of `bytes`. */
  makeRoom(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const kind = BLOCKS.findIndex(({ bytes }) => needed <= bytes);
    const larger = kind < 0 ? Buffer.allocUnsafeSlow(needed * 2) : (free[kind]!.pop() ?? Buffer.allocUnsafeSlow(BLOCKS[kind]!.bytes));
    this.bytes.copy(larger, 0, 0, this.length);
    this.#giveBack();
    this.bytes = larger;
  }

  clear(): void {
    this.length = 0;
    this.#giveBack();
    this.bytes = NOTHING;
  }

  #giveBack(): void {
    const { length } = this.bytes;
    if (length === 0) return;
    const kind = BLOCKS.findIndex(({ bytes }) => bytes === length);
    if (kind >= 0 && free[kind]!.length < BLOCKS[kind]!.most) free[kind]!.push(this.bytes);
  }
}
