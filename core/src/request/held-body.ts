/** Request body bytes that are kept: until they can be sent, and while the request may have to be sent again. Payload only, framing is the wire's. */

const BLOCK_BYTES = 16_384;
/** Enough for the bodies of a burst; more are left to the garbage collector. */
const MAX_FREE_BLOCKS = 64;
const freeBlocks: Buffer[] = [];
const NOTHING = Buffer.alloc(0);

export class HeldBody {
  bytes: Buffer = NOTHING;
  length = 0;

  /** Room for `size` more bytes at `length` of `bytes`. */
  makeRoom(size: number): void {
    const needed = this.length + size;
    if (needed <= this.bytes.length) return;
    const larger = needed <= BLOCK_BYTES ? (freeBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)) : Buffer.allocUnsafeSlow(needed * 2);
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
    if (this.bytes.length === BLOCK_BYTES && freeBlocks.length < MAX_FREE_BLOCKS) freeBlocks.push(this.bytes);
  }
}
