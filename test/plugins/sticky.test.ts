import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import peakEwma from '@steelyard/plugins/peak-ewma';
import roundRobin from '@steelyard/plugins/round-robin';
import sticky, { type StickyOptions } from '@steelyard/plugins/sticky';
import { answered, strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { cookieValue, setCookie } from '../../plugins/sticky/cookies.ts';
import { sign } from '../../plugins/sticky/tokens.ts';
import { proxyTo, start } from '../e2e/support/balancer.ts';
import { namedOrigin } from '../e2e/support/origin.ts';

const secret = 'a secret of some length';
testStrategy(sticky({ secret, over: leastConnections() }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

describe('a cookie', () => {
  it.each([
    ['lb=x', 'x'], ['a=1; lb=x', 'x'], ['a=1;lb=x;b=2', 'x'], ['lb=x; lb=y', 'x'], ['lb="x"', 'x'], ['lb= x ', 'x'], ['lb=', ''], ['lb=x=y', 'x=y'],
    ['xlb=1', undefined], ['lbx=1', undefined], ['LB=1', undefined], ['a="; lb=x"', 'x"'], ['', undefined], [';;;', undefined], ['lb', undefined],
  ])('is read from %j', (field, expected) => {
    expect(cookieValue(field, 'lb')).toBe(expected);
  });
  it('is found among any others, whatever they hold', () => {
    const name = fc.stringMatching(/^[a-z]{1,4}$/).filter((one) => one !== 'lb');
    fc.assert(fc.property(fc.array(fc.tuple(name, fc.stringMatching(/^[!-:<-~]{0,8}$/)), { maxLength: 6 }), fc.nat(6), (others, at) => {
      const all = others.toSpliced(at, 0, ['lb', 'mine']).map(([key, value]) => `${key}=${value}`).join('; ');
      return cookieValue(all, 'lb') === 'mine';
    }));
  });
  it('is set with its attributes', () => {
    expect(setCookie('lb', 'x', { path: '/', domain: '', secure: false, httpOnly: true, sameSite: 'lax', maxAgeS: null })).toBe('lb=x; Path=/; HttpOnly; SameSite=Lax');
    expect(setCookie('lb', 'x', { path: '/a', domain: 'example.org', secure: true, httpOnly: false, sameSite: 'none', maxAgeS: 60 })).toBe('lb=x; Path=/a; Domain=example.org; Max-Age=60; Secure; SameSite=None');
  });
});

describe('sticky', () => {
  const started = (options: Partial<StickyOptions> = {}) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(sticky({ secret, over: roundRobin(), ...options }), w);
    const [a, b, c] = w.backends([{ id: 'a' }, { id: 'b' }, { id: 'c' }]) as [FakeBackend, FakeBackend, FakeBackend];
    strategy.update([a, b, c]);
    /** A request, and what its response sets. */
    const visit = (headers: Record<string, string> = {}) => {
      const lease = strategy.pick(w.exchange({ headers }))!;
      const head = w.responseHead();
      strategy.instance.onHead!(lease, head);
      lease.end(answered(200));
      return { backend: lease.backend.id, set: head.headerValues('set-cookie'), head };
    };
    const results = () => ['kept', 'new', 'lost'].map((result) => strategy.host.metrics.value('sticky_picks_total', 'api', result) ?? 0);
    return { w, strategy, a, b, c, visit, results };
  };
  const cookieOf = (set: readonly string[]) => set[0]!.split(';')[0]!;

  it('sets a cookie for a new client, and brings it back without setting another', () => {
    const { visit, results } = started();
    const first = visit();
    expect(first.set).toEqual([`lb=${createHmac('sha256', secret).update('a').digest('base64url').slice(0, 24)}; Path=/; HttpOnly; SameSite=Lax`]);
    visit();
    const cookie = `other=1; ${cookieOf(first.set)}`;
    expect(Array.from({ length: 3 }, () => visit({ cookie }))).toMatchObject([{ backend: 'a', set: [] }, { backend: 'a', set: [] }, { backend: 'a', set: [] }]);
    expect(results()).toEqual([3, 2, 0]);
  });
  it('gives a client whose backend is not available another, and the cookie of that one', () => {
    const { visit, a, results } = started();
    const cookie = cookieOf(visit().set);
    a.health = 'down';
    const moved = visit({ cookie });
    expect(moved.backend).toBe('b');
    expect(visit({ cookie: cookieOf(moved.set) })).toMatchObject({ backend: 'b', set: [] });
    expect(results()).toEqual([1, 1, 1]);
  });
  it('takes nothing that was not signed with a secret of its own', () => {
    const { visit, results } = started();
    const forged = createHmac('sha256', 'another secret, as long').update('c').digest('base64url').slice(0, 24);
    for (const value of ['c', forged, '', 'x'.repeat(10_000)]) expect(visit({ cookie: `lb=${value}` }).set).toHaveLength(1);
    expect(results()).toEqual([0, 0, 4]);
  });
  it('accepts an older secret, and gives a cookie of the first one for it', () => {
    const old = started();
    const cookie = cookieOf(old.visit().set);
    const { visit } = started({ secret: ['the new secret, longer', secret] });
    visit();
    const renewed = visit({ cookie });
    expect([renewed.backend, renewed.set.length, cookieOf(renewed.set) === cookie]).toEqual(['a', 1, false]);
    expect(visit({ cookie: cookieOf(renewed.set) })).toMatchObject({ backend: 'a', set: [] });
  });
  it('goes by a header where it is told so', () => {
    const { visit } = started({ header: 'x-backend' });
    const token = visit().head.header('x-backend')!;
    visit();
    const again = visit({ 'X-Backend': token });
    expect([again.backend, again.head.header('x-backend'), again.set]).toEqual(['a', undefined, []]);
  });
  it('keeps apart what concurrent requests are to be given', () => {
    const { w, strategy, visit } = started();
    const cookie = cookieOf(visit().set);
    const [fresh, known] = [strategy.pick(w.exchange())!, strategy.pick(w.exchange({ headers: { cookie } }))!];
    const set = [known, fresh].map((lease) => {
      const head = w.responseHead();
      strategy.instance.onHead!(lease, head);
      return head.headerValues('set-cookie').length;
    });
    expect(set).toEqual([0, 1]);
  });
  it('tells the strategy inside of the requests of known clients too', () => {
    const { w, strategy, visit } = started({ over: peakEwma({ choices: 3 }) });
    for (const [id, firstByteMs] of [['a', 900], ['b', 5], ['c', 700]] as const) {
      strategy.pick(w.exchange({ headers: { cookie: `lb=${sign(secret, id)}` } }))!.end(answered(200, { firstByteMs, durationMs: 900 }));
    }
    expect(visit().backend).toBe('b');
  });
  it('refuses a cookie that browsers would drop', () => {
    expect(() => started({ sameSite: 'none' })).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_OPTIONS', hint: 'say secure: true' }));
  });
  it('is of the kind of what is inside, and reads requests', () => {
    const { protocol, strategyKind } = sticky({ secret, over: roundRobin() });
    expect([protocol, strategyKind]).toEqual(['http', 'load']);
  });

  it('holds over real sockets, a reload and a restart', async () => {
    const origins = await Promise.all(['one', 'two', 'three'].map(namedOrigin));
    const config = { ...proxyTo(), pools: { web: { backends: origins.map(({ url }) => url), strategy: sticky({ secret, over: roundRobin() }) } } };
    const running = await start(config);
    const visit = async (port: number, cookie = '') => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: cookie === '' ? {} : { cookie } });
      return { backend: await response.text(), set: response.headers.getSetCookie() };
    };
    await visit(running.port);
    const { backend, set } = await visit(running.port);
    const cookie = cookieOf(set);
    await running.balancer.reload(config);
    expect(await visit(running.port, cookie)).toEqual({ backend, set: [] });
    const restarted = await start(config);
    for (let i = 0; i < 3; i++) expect(await visit(restarted.port, cookie)).toEqual({ backend, set: [] });
  });
});
