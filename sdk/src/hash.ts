/**
 * MurmurHash3_x86_32 (Austin Appleby, SMHasher, public domain) over the UTF-8 bytes of a string: every input bit changes each output bit with a chance of
 * one half, which the ring, table and scores of hash strategies need (FNV-1a and CRC-32 do not have it), at about 1 ns for each four ASCII characters.
 * The same in every process and on every machine. It is no secret: who chooses keys can find many that fall together.
 */

/**
 * 32 bits of a string, as a signed integer (`>>> 0` makes it unsigned): V8 keeps those without a heap number. Allocates nothing.
 * A lone surrogate counts as U+FFFD.
 * @param seed another hash function for each 32-bit integer. Default 0.
 * @example
 * const slot = (hash32('192.0.2.1') >>> 0) % 65_537;
 */
export function hash32(text: string, seed = 0): number {
  const { length } = text;
  let hash = seed | 0;
  let at = 0;
  for (const end = length - 3; at < end; at += 4) {
    const one = text.charCodeAt(at);
    const two = text.charCodeAt(at + 1);
    const three = text.charCodeAt(at + 2);
    const four = text.charCodeAt(at + 3);
    if ((one | two | three | four) > 0x7f) return hashUtf8(text, seed);
    hash = addBlock(hash, one | (two << 8) | (three << 16) | (four << 24));
  }
  let tail = 0;
  for (let shift = 0; at < length; at++, shift += 8) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) return hashUtf8(text, seed);
    tail |= code << shift;
  }
  return mix32(hash ^ scrambled(tail) ^ length);
}

/**
 * The finalizer of MurmurHash3: mixes 32 bits so that each depends on all, and no two inputs give the same. For numbers that are made of hashes:
 * `mix32(hash ^ other)`. Signed, as `hash32`.
 * @example
 * const score = mix32(hash32('192.0.2.1') ^ hash32('api/http://10.0.0.1:80')) >>> 0;
 */
export function mix32(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function hashUtf8(text: string, seed: number): number {
  let hash = seed | 0;
  let block = 0;
  let bytes = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xe000) {
      const next = code < 0xdc00 ? text.charCodeAt(at + 1) : Number.NaN;
      if (next >= 0xdc00 && next < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
        at++;
      } else code = 0xfffd;
    }
    // RFC 3629 §3: one to four bytes, the first says how many, each later one holds six bits.
    const more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (let left = more; left >= 0; left--) {
      const bits = code >> (6 * left);
      const byte = left < more ? 0x80 | (bits & 0x3f) : more === 0 ? code : ((0xff00 >> (more + 1)) & 0xff) | bits;
      block |= byte << (8 * (bytes & 3));
      if ((++bytes & 3) !== 0) continue;
      hash = addBlock(hash, block);
      block = 0;
    }
  }
  return mix32(hash ^ scrambled(block) ^ bytes);
}

function addBlock(hash: number, block: number): number {
  const mixed = hash ^ scrambled(block);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** Of no bytes: 0, which changes nothing. */
function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
