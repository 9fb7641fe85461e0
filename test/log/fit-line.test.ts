import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitJsonLine, fitText, MAX_LINE_BYTES } from '../../core/src/log/fit-line.ts';

const lineOf = (fields: object): string => `${JSON.stringify(fields)}\n`;
const bytesOf = (line: string): number => Buffer.byteLength(line);
const fieldsOf = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

describe('a JSON line', () => {
  it('of exactly 4,096 bytes is left as it is, with one more it is cut', () => {
    const frame = bytesOf(lineOf({ msg: '' }));
    const whole = lineOf({ msg: 'x'.repeat(MAX_LINE_BYTES - frame) });
    expect([bytesOf(whole), fitJsonLine(whole)]).toEqual([4096, whole]);
    const cut = fitJsonLine(lineOf({ msg: 'x'.repeat(MAX_LINE_BYTES - frame + 1) }));
    expect(fieldsOf(cut)).toEqual({ msg: `${'x'.repeat(1024)}[cut]`, cutFromBytes: 4097 });
  });

  it('is measured in bytes, not in characters', () => {
    const line = lineOf({ msg: 'é'.repeat(3000) });
    expect(fieldsOf(fitJsonLine(line))).toEqual({ msg: `${'é'.repeat(1024)}[cut]`, cutFromBytes: bytesOf(line) });
  });

  it('keeps what short fields say, and its level, time, worker and code whatever else it holds', () => {
    const essential = { level: 'error', time: '2026-11-23T00:58:51.123Z', name: 'steelyard', worker: 3 };
    const long = fitJsonLine(lineOf({ ...essential, backend: 'api/http://a:1', stack: 'at x\n'.repeat(2000), msg: 'it failed' }));
    expect(fieldsOf(long)).toMatchObject({ ...essential, backend: 'api/http://a:1', msg: 'it failed' });
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`field${i}`, i]));
    expect(fieldsOf(fitJsonLine(lineOf({ ...essential, ...many, code: 'ERR_CONFIG', msg: 'it failed' })))).toEqual({ ...essential, code: 'ERR_CONFIG', msg: 'it failed', cutFromBytes: expect.any(Number) });
  });

  it('marks lists, objects and depths of which something is missing', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`) as object;
    const cut = fieldsOf(fitJsonLine(lineOf({ list: Array.from({ length: 300 }, (_, i) => `entry ${i}`), map: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i])), deep })));
    expect((cut.list as string[]).at(-1)).toBe('[cut]');
    expect((cut.map as Record<string, unknown>)['[cut]']).toBe(true);
    expect(JSON.stringify(cut.deep)).toContain('"[cut]"');
  });

  it('is never cut between the halves of a character', () => {
    for (const before of ['', 'x']) {
      const { msg } = fieldsOf(fitJsonLine(lineOf({ msg: before + '😀'.repeat(3000) })));
      expect((msg as string).isWellFormed()).toBe(true);
    }
  });

  it('is one JSON object of at most 4,096 bytes with one line feed, whatever was logged', () => {
    const unit = fc.oneof(fc.constantFrom('\u0000', '\ud800', '"', '😀', 'é', 'x'), fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }));
    const long = fc.tuple(unit, fc.integer({ min: 0, max: 5000 })).map(([text, times]) => text.repeat(times));
    const value = fc.oneof(long, fc.jsonValue({ maxDepth: 2 }), fc.array(long, { maxLength: 3 }));
    const key = fc.oneof(fc.constantFrom('level', 'time', 'name', 'worker', 'code', 'msg', '__proto__', 'cutFromBytes'), long);
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 8 }), (entries) => {
        const line = lineOf(Object.fromEntries(entries));
        const fitted = fitJsonLine(line);
        expect(bytesOf(fitted)).toBeLessThanOrEqual(MAX_LINE_BYTES);
        expect(fitted.indexOf('\n')).toBe(fitted.length - 1);
        if (bytesOf(line) <= MAX_LINE_BYTES) expect(fitted).toBe(line);
        else expect(fieldsOf(fitted).cutFromBytes).toBe(bytesOf(line));
      }),
      { numRuns: 40 },
    );
  });

  it('that is no JSON, by a serializer of somebody’s, becomes the message of one', () => {
    const cut = fitJsonLine(`{"broken":${'x'.repeat(5000)}\n`);
    expect(fieldsOf(cut)).toEqual({ msg: expect.stringMatching(/^\{"broken":x+\[cut\]$/), cutFromBytes: 5011 });
  });
});

describe('text for a terminal', () => {
  it('is left as it is up to 4,096 bytes', () => {
    const text = `${'x'.repeat(4095)}\n`;
    expect(fitText(text)).toBe(text);
  });

  it('ends with how long it was, in whole characters, and with its colours closed', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('é', '😀', 'x', '\u001b[31m', '\u001b[39m', '\n'), { minLength: 4200, maxLength: 4300, size: 'max' }), (parts) => {
        const text = `\u001b[36m${parts.join('')}\n`;
        const fitted = fitText(text);
        expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(MAX_LINE_BYTES);
        expect(fitted.endsWith(`\u001b[0m [cut] of ${Buffer.byteLength(text)} bytes\n`)).toBe(true);
        expect(fitted).not.toContain('\ufffd');
        // Whatever is left of the colours is whole.
        expect(fitted.replaceAll(/\u001b\[\d+m/g, '')).not.toContain('\u001b');
      }),
      { numRuns: 50 },
    );
  });
});
