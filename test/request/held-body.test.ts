import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeldBody } from '../../core/src/request/held-body.ts';

function append(held: HeldBody, text: string): void {
  held.makeRoom(text.length);
  held.length += held.bytes.write(text, held.length, 'latin1');
}
function read(held: HeldBody): string {
  return held.bytes.toString('latin1', 0, held.length);
}

describe('held bodies', () => {
  it('keep what was put in, however they grow, beside others that come and go', () => {
    const sizes = fc.constantFrom(1, 100, 16_384, 16_385, 65_600, 131_072, 131_073, 300_000);
    const step = fc.record({ body: fc.nat(3), isCleared: fc.boolean(), size: sizes });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const bodies = Array.from({ length: 4 }, () => ({ held: new HeldBody(), text: '' }));
        for (const [index, { body: which, isCleared, size }] of steps.entries()) {
          const body = bodies[which]!;
          if (isCleared) {
            body.held.clear();
            body.text = '';
          } else {
            const text = String.fromCharCode(0x41 + index).repeat(size);
            append(body.held, text);
            body.text += text;
          }
          for (const { held, text } of bodies) expect(read(held) === text).toBe(true);
        }
        for (const { held } of bodies) held.clear();
      }),
      { seed: 9112, numRuns: 60 },
    );
  });
  it.each([1, 16_384, 65_600, 131_072])('of %d bytes use memory again that another has left', (size) => {
    const first = new HeldBody();
    first.makeRoom(size);
    const { bytes } = first;
    first.clear();
    const second = new HeldBody();
    second.makeRoom(size);
    expect(second.bytes).toBe(bytes);
    second.clear();
  });
  it('of a burst do not keep their memory', () => {
    const burst = Array.from({ length: 100 }, () => new HeldBody());
    for (const held of burst) held.makeRoom(65_600);
    const memories = new Set(burst.map(({ bytes }) => bytes));
    for (const held of burst) held.clear();
    const next = Array.from({ length: 100 }, () => new HeldBody());
    for (const held of next) held.makeRoom(65_600);
    expect(next.filter(({ bytes }) => memories.has(bytes))).toHaveLength(8);
    for (const held of next) held.clear();
  });
});
