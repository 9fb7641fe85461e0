import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { WriteViews } from '../../core/src/sockets/write-views.ts';

it('gives exactly the bytes that were asked for, whatever was asked before', () => {
  const buffers = Array.from({ length: 4 }, (_, index) => Buffer.alloc(10_000, index));
  const ask = fc.record({ buffer: fc.nat({ max: 3 }), start: fc.constantFrom(0, 1, 64, 5_000), size: fc.oneof(fc.nat({ max: 4 }), fc.integer({ min: 2_000, max: 2_100 })) });
  fc.assert(fc.property(fc.array(ask, { maxLength: 40 }), (asks) => {
    const views = new WriteViews();
    for (const { buffer, start, size } of asks) {
      const bytes = buffers[buffer]!;
      const view = views.view(bytes, start, start + size);
      expect([view.buffer, view.byteOffset, view.length]).toEqual([bytes.buffer, bytes.byteOffset + start, size]);
    }
  }));
});

it('makes none for lengths that come again at the same place', () => {
  const views = new WriteViews();
  const [slab, readBuffer] = [Buffer.alloc(4_096), Buffer.alloc(4_096)];
  const round = (): Uint8Array[] => [views.view(slab, 64, 164), views.view(readBuffer, 0, 100), views.view(slab, 64, 170)];
  for (let i = 0; i < 3; i++) round();
  const [known, again] = [round(), round()];
  for (const [index, view] of known.entries()) expect(again[index]).toBe(view);
});
