import { describe, expect, it } from 'vitest';
import { askedName, isSameName } from '../../core/src/http1/asked-names.ts';
import { HOST } from '../../core/src/http1/field-names.ts';
import { accepted, get } from './helpers.ts';

describe('a name that plugins ask for', () => {
  it('is known by its small letters, and written as it was given', () => {
    const name = askedName('hOsT');
    expect(name).toMatchObject({ spelled: 'hOsT', key: 'host', id: HOST, isToken: true, isFraming: false });
    expect(name.prefix.toString()).toBe('hOsT: ');
    expect(askedName('Trailer')).toMatchObject({ isToken: true, isFraming: true });
    expect(isSameName(name, askedName('Host'))).toBe(true);
    expect(isSameName(askedName('x-abc-z'), askedName('x-abd-z'))).toBe(false);
  });
  it('is looked at once', () => {
    expect(askedName('x-once')).toBe(askedName(['x', 'once'].join('-')));
  });
  it('is forgotten when clients make up others without end, and then found out again', () => {
    const before = askedName('x-before');
    for (let i = 0; i < 5_000; i++) askedName(`x-made-up-${i}`);
    const again = askedName('x-before');
    expect(again).not.toBe(before);
    expect(again).toEqual(before);
    expect(isSameName(again, before)).toBe(true);
  });
  it('is not kept when it is long, or no token', () => {
    for (const name of ['x'.repeat(65), 'a b', '']) expect(askedName(name)).not.toBe(askedName(name));
  });
  // U+0174 has the lower eight bits of `t`.
  it.each(['hos\u0174', 'a b', 'a:', '', ' host', '\u212aeep'])('and is no token (%j) is no field', (name) => {
    const head = accepted(get('A: 1', 'Keep: 2'));
    expect([head.header(name), head.headerValues(name), head.hasHeader(name)]).toEqual([undefined, [], false]);
    head.setTarget('/edited');
    expect([head.header(name), head.headerValues(name), head.hasHeader(name)]).toEqual([undefined, [], false]);
  });
  it.each([undefined, null, 5])('and is no string (%j) is a fault of the plugin, even before any other name was asked', (name) => {
    expect(() => accepted(get()).header(name as unknown as string)).toThrow(TypeError);
  });
  it.each(['__proto__', 'constructor', '0', '-1'])('may be %s, like any other', (name) => {
    const head = accepted(get(`${name}: 1`));
    expect(head.header(name)).toBe('1');
    head.setHeader(name, '2');
    expect(head.headers()).toEqual([['Host', 'a.example'], [name, '2']]);
  });
});
