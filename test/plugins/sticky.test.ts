import { createHmac } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import peakEwma from '@steelyard/plugins/peak-ewma';
import roundRobin from '@steelyard/plugins/round-robin';
import sticky, { type StickyOptions } from '@steelyard/plugins/sticky';
import { answered, failed, strategyUnderTest, testStrategy, world, type FakeBackend, type FakeHeaders } from '@steelyard/sdk/testkit';
import { setCookie } from '../../plugins/sticky/cookies.ts';
import { sign } from '../../plugins/sticky/tokens.ts';
import { bytesPerPick } from './pick-bytes.ts';
import { config, faultsOf } from '../config/faults-of.ts';
import { proxyTo, start } from '../e2e/support/balancer.ts';
import { namedOrigin } from '../e2e/support/origin.ts';

const secret = 'a secret of some length';
testStrategy(sticky({ secret, over: leastConnections() }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

describe('a cookie', () => {
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
    const visit = (headers: FakeHeaders = {}, response: FakeHeaders = {}) => {
      const lease = strategy.pick(w.exchange({ headers }))!;
      const head = w.responseHead(200, response);
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
  it('that learns binds a client when the backend begins a session, and not before', () => {
    const { visit, results } = started({ learn: 'SID' });
    expect([visit().set, visit({}, { 'set-cookie': ['other=1', 'SIDE=1', 'SID=; Max-Age=0', 'SID='] }).set]).toEqual([[], ['other=1', 'SIDE=1', 'SID=; Max-Age=0', 'SID=']]);
    const begun = visit({}, { 'set-cookie': ['other=1', 'SID=abc; Path=/'] });
    expect(begun).toMatchObject({ backend: 'c', set: ['other=1', 'SID=abc; Path=/', expect.stringMatching(/^lb=[\w-]{24}; Path=/)] });
    const cookie = `SID=abc; ${begun.set[2]!.split(';')[0]!}`;
    expect([visit({ cookie }), visit({ cookie }, { 'set-cookie': 'SID=def' })]).toMatchObject([{ backend: 'c', set: [] }, { backend: 'c', set: ['SID=def'] }]);
    expect(results()).toEqual([2, 3, 0]);
  });
  it('that learns leaves a client whose backend is away unbound until another begins a session, and takes it back before that', () => {
    const { visit, c } = started({ learn: 'SID' });
    visit();
    visit();
    const cookie = visit({}, { 'set-cookie': 'SID=abc' }).set[1]!.split(';')[0]!;
    c.health = 'down';
    expect(visit({ cookie })).toMatchObject({ set: [] });
    c.health = 'up';
    expect(visit({ cookie })).toMatchObject({ backend: 'c', set: [] });
    c.health = 'down';
    expect(visit({ cookie }, { 'set-cookie': 'SID=new' }).set).toHaveLength(2);
  });
  it('that learns signs anew with a new secret at once', () => {
    const old = started({ learn: 'SID' });
    const cookie = old.visit({}, { 'set-cookie': 'SID=abc' }).set[1]!.split(';')[0]!;
    expect(started({ learn: 'SID', secret: ['another secret of some length', secret] }).visit({ cookie }).set).toHaveLength(1);
  });
  it('refuses to learn from its own cookie', () => {
    expect(() => started({ learn: 'lb' })).toThrow("learn and cookie are both 'lb'");
    expect(() => started({ learn: 'lb', header: 'x-lb' })).not.toThrow();
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
    const whole = sign(secret, 'c');
    const wrong = ['c', forged, whole.slice(0, -1), `${whole}A`, ` ${whole} x`, `"${whole}"`, whole.toUpperCase(), sign(secret, 'other-pool/c'), '__proto__', '\u00ff', 'x'.repeat(10_000)];
    for (const value of wrong) expect(visit({ cookie: `lb=${value}` }).set, value).toHaveLength(1);
    expect(results()).toEqual([0, 0, wrong.length]);
  });
  it('takes an empty cookie for none', () => {
    const { visit, results } = started();
    expect(visit({ cookie: 'lb=' }).set).toHaveLength(1);
    expect(results()).toEqual([0, 1, 0]);
  });
  it('finds its cookie in any of several Cookie fields', () => {
    const { visit } = started();
    const token = cookieOf(visit().set);
    visit();
    expect(visit({ cookie: ['first=1', `theme=a,b; ${token}`, 'last=2'] })).toMatchObject({ backend: 'a', set: [] });
  });
  it('takes a cookie of a secret that was taken out for nothing, and gives one of today', () => {
    const { visit, results } = started({ secret: ['the new secret, longer'] });
    const replayed = visit({ cookie: `lb=${sign(secret, 'c')}` });
    expect([replayed.backend, cookieOf(replayed.set)]).toEqual(['a', `lb=${sign('the new secret, longer', 'a')}`]);
    expect(results()).toEqual([0, 0, 1]);
  });
  it.each<[string, (the: ReturnType<typeof started>) => void]>([
    ['down', ({ c }) => void (c.health = 'down')],
    ['draining', ({ c }) => void (c.draining = true)],
    ['at its limit', ({ c }) => void (c.maxInFlight = 0)],
    ['gone', ({ strategy, a, b }) => strategy.update([a, b])],
  ])('gives the client of a backend that is %s another, and one new cookie', (_, change) => {
    const the = started();
    const cookie = `lb=${sign(secret, 'c')}`;
    expect(the.visit({ cookie })).toMatchObject({ backend: 'c', set: [] });
    change(the);
    const moved = the.visit({ cookie });
    expect(['a', 'b']).toContain(moved.backend);
    expect(cookieOf(moved.set)).toBe(`lb=${sign(secret, moved.backend)}`);
  });
  it('knows the cookie of a backend that left and came back', () => {
    const { visit, strategy, a, b, c } = started();
    strategy.update([a, b]);
    strategy.update([a, b, c]);
    expect(visit({ cookie: `lb=${sign(secret, 'c')}` })).toMatchObject({ backend: 'c', set: [] });
  });
  it('names after a retry the backend that answered', () => {
    const { w, strategy } = started();
    const exchange = w.exchange({ headers: { cookie: `lb=${sign(secret, 'c')}` } });
    const first = strategy.pick(exchange)!;
    expect(first.backend.id).toBe('c');
    first.end(failed('connect'));
    strategy.pool.tried.add(first.backend);
    const second = strategy.pick(exchange)!;
    const head = w.responseHead();
    second.respond(head);
    expect(second.backend.id).not.toBe('c');
    expect(head.headerValues('set-cookie').map((one) => one.split(';')[0])).toEqual([`lb=${sign(secret, second.backend.id)}`]);
  });
  it('leaves the cookies of the backend as they are', () => {
    const { w, strategy } = started();
    const head = w.responseHead(200, { 'Set-Cookie': ['session=1; Path=/', 'lbx=2'] });
    strategy.pick(w.exchange())!.respond(head);
    expect(head.headerValues('set-cookie')).toEqual(['session=1; Path=/', 'lbx=2', expect.stringMatching(/^lb=/)]);
  });
  it.each<[string, Record<string, unknown>]>([
    ['secret', { secret: 'short' }], ['secret', { secret: [] }], ['cookie', { cookie: 'a b' }], ['cookie', { cookie: '' }], ['header', { header: 'x:y' }],
    ['path', { path: 'shop' }], ['path', { path: '/; Domain=evil.example' }], ['domain', { domain: 'a b' }], ['sameSite', { sameSite: 'Strict' }],
    ['maxAgeS', { maxAgeS: 0 }], ['maxAgeS', { maxAgeS: 34_560_001 }], ['secure', { secure: 'yes' }],
  ])('refuses a wrong %s: %j, and says where', async (option, wrong) => {
    const use = sticky({ secret, over: roundRobin(), ...wrong });
    const faults = (await faultsOf(config({}, { strategy: use }))).join('\n');
    expect(faults).toContain(`pools.web.strategy.${option}`);
    expect(faults).not.toContain('short');
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
  it('allocates nothing in a pick for a client that shows nothing, by cookie or by header', () => {
    expect(bytesPerPick(sticky({ secret, over: roundRobin() }), 0)).toBe(0);
    expect(bytesPerPick(sticky({ secret, over: roundRobin(), header: 'x-session' }), 0)).toBe(0);
  });
});
