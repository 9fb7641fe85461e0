import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hash32, keyHash, keyReader, type Exchange, type HashKeys } from '@steelyard/sdk';
import { world, type FakeExchangeSpec } from '@steelyard/sdk/testkit';
import { cookieValue, queryValue } from '../../sdk/src/named-values.ts';

const w = world();
const read = (keys: HashKeys, spec: FakeExchangeSpec) => keyReader(keys)(w.exchange(spec));

describe('a key', () => {
  const spec: FakeExchangeSpec = {
    clientAddress: '192.0.2.7', target: '/a/b?user=jo%20e&x=', headers: { host: 'api.example:8080', 'X-User': 'jo', cookie: 'a=1; session=s 1;b=2', 'x-empty': '' },
  };
  it.each<[HashKeys, string | undefined]>([
    ['address', '192.0.2.7'], ['host', 'api.example:8080'], ['path', '/a/b'], ['target', '/a/b?user=jo%20e&x='], [{ header: 'x-user' }, 'jo'], [{ header: 'X-USER' }, 'jo'],
    [{ cookie: 'session' }, 's 1'], [{ cookie: 'SESSION' }, undefined], [{ query: 'user' }, 'jo e'], [{ query: 'x' }, undefined], [{ header: 'x-empty' }, undefined],
    [{ header: 'x-none' }, undefined], [({ request }) => request?.method, 'GET'], [() => undefined, undefined], [() => '', undefined],
    [[{ cookie: 'none' }, { query: 'x' }, { header: 'x-user' }, 'address'], 'jo'], [[{ cookie: 'none' }, { query: 'none' }], undefined],
  ])('%j of an exchange is %j', (keys, expected) => {
    expect(read(keys, spec)).toBe(expected);
  });

  it('finds a cookie in any of several fields', () => {
    const exchange = w.exchange({ headers: { cookie: ['a=1', 'b=2; a=3'] } });
    expect(keyReader({ cookie: 'b' })(exchange)).toBe('2');
    expect(keyReader({ cookie: 'a' })(exchange)).toBe('1');
  });

  it('of a TCP connection is its address, or what a function makes of it', () => {
    expect(read('address', { protocol: 'tcp', clientAddress: '::1' })).toBe('::1');
    expect(read(({ connection }) => connection.listener, { protocol: 'tcp', listener: 'redis' })).toBe('redis');
    for (const key of ['path', { header: 'x' }, { cookie: 'x' }, { query: 'x' }] as const) expect(read(key, { protocol: 'tcp' })).toBeUndefined();
  });

  it.each([[null, 'null'], [7, 'number'], [['a'], 'object']])('refuses %j of a function: hashed it would send everybody to one backend', (given, kind) => {
    expect(() => read((() => given) as never, {})).toThrow(`the function of a hash key gave ${kind}`);
  });

  it('refuses a promise, and hears its rejection: unheard it would end the process', async () => {
    const unheard = vi.fn();
    process.on('unhandledRejection', unheard);
    onTestFinished(() => void process.off('unhandledRejection', unheard));
    expect(() => read((() => Promise.reject(new Error('no tenant'))) as never, {})).toThrow('the function of a hash key gave object');
    // Told when the microtasks are done.
    await new Promise(setImmediate);
    expect(unheard).not.toHaveBeenCalled();
  });
});

describe('keyHash', () => {
  it('is the hash of the key; without one chance, or nothing where that is asked for', () => {
    const some = w.exchange({ headers: { 'x-user': 'jo' } });
    const none = w.exchange();
    const byChance = keyHash({ header: 'x-user' }, 'random', w.host('test'));
    expect(byChance(some)).toBe(hash32('jo'));
    expect(new Set(Array.from({ length: 100 }, () => byChance(none))).size).toBeGreaterThan(95);
    const orNone = keyHash({ header: 'x-user' }, 'none', w.host('test'));
    expect([orNone(some), orNone(none)]).toEqual([hash32('jo'), undefined]);
  });

  it('takes a function that fails for one that gives nothing, counts it, and says it once: clients decide what it is given', () => {
    const host = w.host('test', 'api');
    const parse = ({ request }: Exchange): string => (JSON.parse(request!.header('x-tenant')!) as { id: string }).id;
    const hashOf = keyHash(parse, 'none', host);
    const orAddress = keyHash([parse, 'address'], 'none', host);
    const [good, bad] = [w.exchange({ headers: { 'x-tenant': '{"id":"a"}' } }), w.exchange({ headers: { 'x-tenant': '{' }, clientAddress: '192.0.2.1' })];
    expect([hashOf(good), hashOf(bad), hashOf(bad), orAddress(bad)]).toEqual([hash32('a'), undefined, undefined, hash32('192.0.2.1')]);
    expect(host.metrics.value('key_failures_total', 'api')).toBe(3);
    expect(host.lines.map(({ level, message, fields }) => [level, message, String(fields['error'])])).toEqual([1, 2].map(() => [
      'error', 'the function of the key failed: such exchanges count as without it (steelyard_key_failures_total)', expect.stringContaining('JSON'),
    ]));
    const wrong = keyHash((() => 7) as never, 'none', host);
    expect(wrong(good)).toBeUndefined();
    expect(String(host.lines.at(-1)?.fields['error'])).toContain('the function of a hash key gave number');
  });
});

describe('cookieValue', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 2 });
  it('is the first of the name, as a reader of the whole field has it', () => {
    const field = fc.array(fc.constantFrom('a', 'b', 'ab', '=', ';', ' ', '\t', '"'), { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(fc.property(field, name, (text, wanted) => {
      const pairs = text.split(';').filter((pair) => pair.includes('=')).map((pair) => [trimmed(pair.slice(0, pair.indexOf('='))), pair.slice(pair.indexOf('=') + 1).trim()]);
      expect(cookieValue(text, wanted)).toBe(pairs.find(([each]) => each === wanted)?.[1]);
    }));
  });
  it('reads a field of pieces without `=` in linear time', () => {
    const reads = countedReads((text) => cookieValue(text, 'a'), `${';'.repeat(20_000)}a=1`);
    expect(reads).toBeLessThan(100_000);
  });
});

describe('queryValue', () => {
  it('is what URLSearchParams has', () => {
    const query = fc.array(fc.constantFrom('a', 'b', '=', '&', '%', '%61', '%3D', '%26', '+', '%2B', '%2b', '%ff', '%C3%A9', '%c3', 'é', '\ud800', '?'), { maxLength: 14 }).map((parts) => parts.join(''));
    fc.assert(fc.property(query, fc.constantFrom('a', 'b', 'ab', '=', 'é', ' ', '+', '%'), (text, name) => {
      // URLSearchParams drops one `?` at the front.
      expect(queryValue(text, new TextEncoder().encode(name))).toBe(new URLSearchParams(`?${text}`).get(name) ?? undefined);
    }), { numRuns: 2_000 });
  });
  it('decodes no name that is another one, however many there are: each would cost a microsecond', () => {
    const decoder = vi.spyOn(globalThis, 'URLSearchParams');
    try {
      expect(queryValue(`${'%&%61&+&'.repeat(1_000)}i%64=1`, new TextEncoder().encode('id'))).toBe('1');
      expect(decoder).not.toHaveBeenCalled();
    } finally {
      decoder.mockRestore();
    }
  });
});

const trimmed = (text: string): string => text.replaceAll(/^[ \t]+|[ \t]+$/g, '');

/** Characters looked at by way of `indexOf` and `lastIndexOf`, as far as a string can tell. */
function countedReads(run: (text: string) => unknown, text: string): number {
  const counted = new CountedText(text);
  run(counted as unknown as string);
  return counted.read;
}
class CountedText extends String {
  read = 0;

  override indexOf(search: string, from = 0): number {
    const at = super.indexOf(search, from);
    this.read += (at < 0 ? this.length : at) - from;
    return at;
  }
  override lastIndexOf(search: string, from = Infinity): number {
    const at = super.lastIndexOf(search, from);
    this.read += Math.min(from, this.length) - at;
    return at;
  }
}
