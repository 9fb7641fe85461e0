import { describe, expect, it } from 'vitest';
import { accepted, get } from './helpers.ts';

describe('a look-up that was made before', () => {
  it('gives the same again, for each name its own, and nothing for what is not there', () => {
    // More names than are kept, and in several spellings.
    const names = Array.from({ length: 40 }, (_, index) => `X-Name-${index}`);
    const head = accepted(get(...names.map((name) => `${name}: value of ${name}`), 'X-Name-3: again'));
    for (let round = 0; round < 3; round++) {
      for (const name of names) expect(head.header(name)).toBe(name === 'X-Name-3' ? 'value of X-Name-3, again' : `value of ${name}`);
      expect(head.header('x-name-7')).toBe('value of X-Name-7');
      expect([head.header('X-Name-99'), head.header('')]).toEqual([undefined, undefined]);
    }
  });

  it('sees the edits that came since, and what is left when they are taken back', () => {
    const head = accepted(get('X-A: received'));
    expect(head.header('x-a')).toBe('received');
    head.setHeader('X-A', 'set');
    head.appendHeader('x-a', 'more');
    expect(head.header('x-a')).toBe('set, more');
    head.removeHeader('X-a');
    expect(head.header('x-a')).toBeUndefined();
    head.rollback(0);
    expect(head.header('x-a')).toBe('received');
  });

  it('says nothing of an earlier head', () => {
    const head = accepted(get('X-A: first', 'X-B: first'));
    expect([head.header('x-a'), head.header('x-b')]).toEqual(['first', 'first']);
    const next = Buffer.from(get('X-A: second'), 'latin1');
    expect(head.parse(next, 0, next.length, { maxHeadBytes: 9_999, maxTargetBytes: 9_999, maxHeaders: 9 })).toBe(next.length);
    expect([head.header('x-a'), head.header('x-b')]).toEqual(['second', undefined]);
  });

  it('does not show what is hidden since', () => {
    const head = accepted(get('X-Forwarded-For: 10.0.0.1'));
    expect(head.header('x-forwarded-for')).toBe('10.0.0.1');
    head.hideForwarding = true;
    expect(head.header('x-forwarded-for')).toBeUndefined();
    head.hideForwarding = false;
    expect(head.header('x-forwarded-for')).toBe('10.0.0.1');
  });
});

describe('an edit at the place of an earlier one', () => {
  it('is checked as if it were the first', () => {
    const head = accepted(get());
    head.setHeader('X-A', '1');
    head.rollback(0);
    expect(() => head.setHeader('X-A', '1\r\nX-B: 2')).toThrow('control character');
    expect(() => head.setHeader('X A', '1')).toThrow('no field name');
    expect(() => head.setHeader('Content-Length', '1')).toThrow('framing');
    head.setTarget('/x');
    head.rollback(0);
    expect(() => head.setHeader('', '/x')).toThrow('no field name');
    head.setHeader('X-A', '1');
    expect(head.headers().at(-1)).toEqual(['X-A', '1']);
  });
});
