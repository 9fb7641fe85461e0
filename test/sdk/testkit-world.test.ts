import { getEventListeners } from 'node:events';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { HttpExchange, Result, TcpExchange } from '@steelyard/sdk';
import { aborted, answered, failed, SeededRandom, world } from '@steelyard/sdk/testkit';

const result: Result = {
  status: 200, backend: undefined, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '',
  bytesFromClient: 0, bytesToClient: 0, firstByteMs: 1, durationMs: 2,
};

describe('chance', () => {
  it('is xoshiro128++: its first outputs from the state 1, 2, 3, 4', () => {
    const chance = new SeededRandom(0);
    chance.restore([1, 2, 3, 4]);
    expect(Array.from({ length: 6 }, () => chance.uint32())).toEqual([641, 1573767, 3222811527, 3517856514, 836907274, 4247214768]);
  });

  it('repeats itself for the same seed, and does not for another', () => {
    const run = (seed: number) => {
      const { random } = world({ seed });
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });

  it('comes back to a saved point', () => {
    const chance = new SeededRandom(7);
    chance.next();
    const point = chance.save();
    const next = chance.next();
    chance.restore(point);
    expect(chance.next()).toBe(next);
  });

  it('lies in [0, 1) with a mean of a half', () => {
    const chance = new SeededRandom(7);
    const draws = Array.from({ length: 10_000 }, () => chance.next());
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
    // Hoeffding: further than sqrt(ln(2/1e-9)/20,000) = 0.033 off once in a billion.
    expect(Math.abs(draws.reduce((sum, x) => sum + x, 0) / 10_000 - 0.5)).toBeLessThan(0.033);
  });
});

describe('time', () => {
  it('runs timers in the order of their due time, each at its own time', () => {
    const w = world();
    const host = w.host('x');
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name}@${w.now() - 1_000}`);
    host.every(100, note('every'));
    host.after(250, note('after'));
    host.after(0, note('zero'));
    w.advance(99);
    expect(seen).toEqual(['zero@0']);
    w.advance(251);
    expect(seen).toEqual(['zero@0', 'every@100', 'every@200', 'after@250', 'every@300']);
    expect(w.now()).toBe(1_350);
    expect(w.wallTime()).toBe(Date.UTC(2026, 0, 1) + 350);
  });

  it('leaps: what fell due meanwhile runs once, late, and goes on from there; a cancelled timer does not run', () => {
    const w = world();
    const host = w.host('x');
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(`${name}@${w.now() - 1_000}`);
    host.after(50, () => cancel());
    const cancel = host.after(60, note('cancelled'));
    host.every(100, note('every'));
    host.after(5_000, note('after'));
    w.leap(1_050);
    expect(seen).toEqual(['every@1050']);
    w.advance(100);
    expect(seen).toEqual(['every@1050', 'every@1150']);
    expect(() => w.leap(-1)).toThrow(RangeError);
  });

  it('has a wall clock that may be set back while `now` goes on', () => {
    const w = world();
    w.advance(10);
    w.setWallTime(Date.UTC(2020, 0, 1));
    w.advance(5);
    expect([w.now(), w.wallTime()]).toEqual([1_015, Date.UTC(2020, 0, 1) + 5]);
  });

  it('runs what a timer sets if it falls due, and stops what is cancelled', () => {
    const w = world();
    const host = w.host('x');
    const seen: number[] = [];
    const stop = host.every(10, () => {
      seen.push(w.now());
      if (w.now() === 1_020) stop();
      host.after(5, () => void seen.push(w.now()));
    });
    w.advance(100);
    expect(seen).toEqual([1_010, 1_015, 1_020, 1_025]);
    expect(w.clock.pending).toBe(0);
  });

  it('keeps nothing of a timer that has run or was cancelled', () => {
    const w = world();
    const host = w.host('mine');
    for (let i = 0; i < 3; i++) host.after(0, () => {});
    const cancel = host.every(10, () => {});
    w.advance(5);
    cancel();
    expect(getEventListeners(host.signal, 'abort')).toEqual([]);
  });
  it('logs and keeps what a timer throws or rejects with, and goes on', async () => {
    const w = world();
    const host = w.host('x');
    host.after(1, () => { throw new Error('at once'); });
    host.after(2, async () => { throw new Error('later'); });
    host.after(3, () => host.log.info({ n: 1 }, 'went on'));
    w.advance(10);
    await w.settled();
    expect(host.faults.map(String)).toEqual(['Error: at once', 'Error: later']);
    expect(host.lines.map(({ level, message }) => `${level} ${message}`)).toEqual(['error a timer failed', 'info went on', 'error a timer failed']);
  });

  it.each([() => world().advance(-1), () => world().host('x').every(0, () => {}), () => world().host('x').after(-1, () => {})])('refuses to stand still or go back', (call) => {
    expect(call).toThrow(RangeError);
  });
});

describe('host', () => {
  it('ends by aborting the signal, dropping timers and taps, and running what was deferred, last first', async () => {
    const w = world();
    const host = w.host('x');
    const seen: string[] = [];
    host.defer(() => void seen.push('first'));
    host.defer(async () => {
      await Promise.resolve();
      seen.push('second');
    });
    host.signal.addEventListener('abort', () => seen.push('abort'));
    host.every(10, () => void seen.push('tick'));
    host.hooks.onAttempt.tap(() => void seen.push('tap'));
    await w.end();
    w.advance(100);
    w.hooks.onAttempt.call(w.exchange(), w.backends(1)[0]!, answered());
    expect(seen).toEqual(['abort', 'second', 'first']);
  });

  it('records metrics by label values and refuses wrong ones', () => {
    const host = world().host('x');
    const counter = host.counter('picks_total', { help: 'Picks.', labels: ['pool'] });
    counter.add(1, 'a');
    counter.add(2.5, 'a');
    host.counter('picks_total', { help: 'Picks.', labels: ['pool'] }).add(1, 'b');
    host.gauge('load', { help: 'Load.' }).set(7);
    host.histogram('wait_seconds', { help: 'Wait.' }).observe(0.5);
    expect([host.metrics.value('picks_total', 'a'), host.metrics.value('picks_total', 'b'), host.metrics.value('load')]).toEqual([3.5, 1, 7]);
    expect(host.metrics.observations('wait_seconds')).toEqual([0.5]);
    expect(host.metrics.value('picks_total', 'c')).toBeUndefined();
    expect(() => counter.add(1)).toThrow(/has 1 labels \[pool\], but 0 values/);
    expect(() => counter.add(-1, 'a')).toThrow(/never falls/);
    expect(() => host.gauge('picks_total', { help: '' })).toThrow(/is a counter/);
  });

  it('keeps state beside a backend for the next generation of the same plugin, for nobody else, until the backend is forgotten', () => {
    const w = world();
    const [backend] = w.backends(1);
    const state = w.host('x').perBackend(() => ({ n: 0 }));
    state(backend!).n = 5;
    expect(w.host('x').perBackend(() => ({ n: 0 }))(backend!).n).toBe(5);
    expect(w.host('x').perBackend(() => ({ n: 0 }), 'other')(backend!).n).toBe(0);
    expect(w.host('y').perBackend(() => ({ n: 0 }))(backend!).n).toBe(0);
    w.forget(backend!);
    expect(state(backend!).n).toBe(0);
  });

  it('opens what is shared once, and closes it when the last generation that claims it ends', async () => {
    const w = world();
    const seen: string[] = [];
    const claim = (host: ReturnType<typeof w.host>) => host.shared('child', () => { seen.push('open'); return 42; }, (value) => void seen.push(`close ${value}`));
    const [old, next] = [w.host('x'), w.host('x')];
    expect(await Promise.all([claim(old), claim(next)])).toEqual([42, 42]);
    await old.end();
    expect(seen).toEqual(['open']);
    await next.end();
    expect(seen).toEqual(['open', 'close 42']);
    await expect(w.host('x').shared('broken', () => { throw new Error('no child'); }, () => {})).rejects.toMatchObject({ code: 'ERR_SHARED' });
  });

  it('serves real HTTP on a free port; the next generation changes the handler and keeps the socket', async () => {
    const w = world();
    const first = await w.host('x').serve({ port: 9464 }, (_request, response) => void response.end('old'));
    const body = async () => (await fetch(`http://${first.host}:${first.port}/`, { headers: { connection: 'close' } })).text();
    expect(await body()).toBe('old');
    expect(await w.host('x').serve({ port: 9464 }, (_request, response) => void response.end('new'))).toEqual(first);
    expect(await body()).toBe('new');
    await w.end();
    await expect(body()).rejects.toThrow();
  });

  it('answers probes as the test says, and records them', async () => {
    const w = world();
    const host = w.host('x');
    const [backend] = w.backends(1);
    const { signal } = new AbortController();
    expect(await host.probe(backend!, undefined, signal)).toBeUndefined();
    expect(await host.probe(backend!, { path: '/healthz' }, signal)).toMatchObject({ status: 200 });
    w.answerProbes(() => { throw new Error('connection refused'); });
    await expect(host.probe(backend!, undefined, signal)).rejects.toMatchObject({ code: 'ERR_PROBE', message: 'connection refused' });
    expect(w.probes.map(({ request }) => request?.path)).toEqual([undefined, '/healthz', undefined]);
  });

  it('gives up a probe with the reason of its signal', async () => {
    const w = world();
    w.answerProbes(() => new Promise(() => {}));
    const controller = new AbortController();
    const probing = w.host('x').probe(w.backends(1)[0]!, undefined, controller.signal);
    controller.abort(new Error('too slow'));
    await expect(probing).rejects.toThrow('too slow');
  });
});

describe('series of recorded metrics', () => {
  it('are the same as those by value, and begin again once they were forgotten', () => {
    const host = world().host('mine');
    const hits = host.counter('hits_total', { help: 'Hits.', labels: ['user'] });
    const ofJo = hits.labels('jo');
    const waits = host.histogram('wait_seconds', { help: 'Waits.' }).labels();
    const open = host.gauge('open', { help: 'Open.' }).labels();
    expect([host.metrics.value('hits_total', 'jo'), host.metrics.observations('wait_seconds'), host.metrics.value('open')]).toEqual([0, [], 0]);
    const use = (): unknown[] => {
      ofJo.add();
      ofJo.add(2);
      hits.add(4, 'jo');
      hits.add(1, 'eve');
      waits.observe(0.5);
      open.set(7);
      return [host.metrics.value('hits_total', 'jo'), host.metrics.value('hits_total', 'eve'), host.metrics.observations('wait_seconds'), host.metrics.value('open')];
    };
    expect(use()).toEqual([7, 1, [0.5], 7]);
    host.metrics.clear();
    expect([host.metrics.value('hits_total', 'jo'), host.metrics.value('hits_total', 'eve'), host.metrics.observations('wait_seconds')]).toEqual([undefined, undefined, []]);
    expect(use()).toEqual([7, 1, [0.5], 7]);
    expect(() => ofJo.add(-1)).toThrow('a counter never falls');
    expect(() => hits.labels()).toThrow('0 values were given');
  });
});

describe('hooks', () => {
  it('call taps by stage, then in the order of registration', () => {
    const w = world();
    const seen: string[] = [];
    w.host('a').hooks.onResponse.tap(() => void seen.push('a'));
    w.host('b').hooks.onResponse.tap(() => void seen.push('b'), { stage: -1 });
    w.host('c').hooks.onResponse.tap(() => void seen.push('c'));
    w.hooks.onResponse.call(w.exchange(), result);
    expect(seen).toEqual(['b', 'a', 'c']);
  });

  it('take the first backend, the first refusal, and of requests the first pool unless somebody answers', async () => {
    const w = world();
    const { hooks } = w.host('x');
    const [first, second] = w.backends(2);
    hooks.selectBackend.tap(() => undefined);
    hooks.selectBackend.tap(() => second);
    hooks.selectBackend.tap(() => first);
    expect(w.hooks.selectBackend.call(w.exchange(), w.pool([first!, second!]))).toBe(second);

    hooks.onConnect.tapPromise(async () => undefined);
    hooks.onConnect.tap(() => ({ refuse: 'deny' }));
    expect(await w.hooks.onConnect.call(w.exchange().connection)).toEqual({ refuse: 'deny' });

    hooks.onRequest.tap(() => ({ pool: 'canary' }));
    hooks.onRequest.tap(() => ({ pool: 'late' }));
    expect(await w.hooks.onRequest.call(w.exchange())).toEqual({ pool: 'canary' });
    hooks.onRequest.tapPromise(async () => ({ respond: { status: 403 } }));
    expect(await w.hooks.onRequest.call(w.exchange())).toEqual({ respond: { status: 403 } });
  });

  it('refuse a tap after the set-up', () => {
    const host = world().host('late');
    host.seal();
    expect(() => host.hooks.onAttempt.tap(() => {})).toThrow(expect.objectContaining({ code: 'ERR_PLUGIN_LATE_TAP' }));
  });
});

describe('exchanges and heads', () => {
  it('look up and edit fields without regard to case', () => {
    const { request } = world().exchange({ method: 'POST', target: '/a/b?x=1', headers: { Cookie: ['a=1', 'b=2'], HOST: 'Shop.Example' } });
    expect([request.path, request.query, request.host, request.method]).toEqual(['/a/b', 'x=1', 'shop.example', 'POST']);
    expect(request.header('cookie')).toBe('a=1, b=2');
    request.setHeader('COOKIE', 'c=3');
    request.appendHeader('x-more', '1');
    expect(request.headerValues('Cookie')).toEqual(['c=3']);
    request.removeHeader('cookie');
    expect([request.hasHeader('Cookie'), request.headers()]).toEqual([false, [['HOST', 'Shop.Example'], ['x-more', '1']]]);
    request.setTarget('/new');
    expect([request.target, request.query]).toEqual(['/new', '']);
  });

  it.each([
    ['a name that is no token', (head: HttpExchange['request']) => head.setHeader('a b', 'x')],
    ['a line break in a value', (head: HttpExchange['request']) => head.appendHeader('a', 'x\r\ny: z')],
    ['framing', (head: HttpExchange['request']) => head.removeHeader('Content-Length')],
    ['a target without /', (head: HttpExchange['request']) => head.setTarget('http://x')],
  ])('refuse %s', (_what, edit) => {
    expect(() => edit(world().exchange().request)).toThrow(expect.objectContaining({ code: 'ERR_HEAD_EDIT' }));
  });

  it('are TCP when asked, and count up', () => {
    const w = world();
    const http = w.exchange();
    const tcp = w.exchange({ protocol: 'tcp', clientAddress: '192.0.2.9' });
    expectTypeOf(http).toExtend<HttpExchange>();
    expectTypeOf(tcp).toEqualTypeOf<TcpExchange>();
    expect([http.id, tcp.id, tcp.connection.protocol, tcp.request, tcp.clientAddress]).toEqual([1, 2, 'tcp', undefined, '192.0.2.9']);
    expect(w.exchange({ route: null }).route).toBeUndefined();
  });
});

describe('backends and pools', () => {
  it('have an identity of their own and what the spec says', () => {
    const [first, second] = world().backends([{ weight: 3, zone: 'a' }, { url: 'tcp://[::1]:6379', pool: 'redis' }]);
    expect(first).toMatchObject({ id: 'api/http://10.0.0.1:80', address: '10.0.0.1:80', weight: 3, zone: 'a', health: 'up', inFlight: 0 });
    expect(second).toMatchObject({ id: 'redis/tcp://[::1]:6379', protocol: 'tcp', host: '::1', port: 6379, address: '[::1]:6379' });
    expect(new Set(world().backends(70_000).map(({ id }) => id)).size).toBe(70_000);
  });

  it('are available unless down, draining, at the limit, tried, or no member', () => {
    const w = world();
    const backends = w.backends([{}, { health: 'down' }, { draining: true }, { maxInFlight: 1, inFlight: 1 }, { health: 'unknown' }, {}]);
    const pool = w.pool(backends.slice(0, 5));
    expect(backends.map((backend) => pool.isAvailable(backend))).toEqual([true, false, false, false, true, false]);
    pool.tried.add(backends[0]!);
    expect(pool.isAvailable(backends[0]!)).toBe(false);
  });

  it('tell of each row what its backend has in flight, and no two have the same', () => {
    const w = world();
    const backends = w.backends([{ inFlight: 3 }, {}, { inFlight: 1 }]);
    const pool = w.pool(backends);
    const [last] = w.backends([{ inFlight: 7 }]);
    expect(backends.map(({ row }) => pool.inFlightAt(row))).toEqual([3, 0, 1]);
    pool.backends = [backends[2]!, last!];
    expect([backends[2]!, last!].map(({ row }) => pool.inFlightAt(row))).toEqual([1, 7]);
    expect(new Set([...backends, last!].map(({ row }) => row)).size).toBe(4);
  });
});

describe('leases', () => {
  it('count in flight until they end, once, in slots that stay dense', () => {
    const w = world();
    const [backend] = w.backends(1);
    const [first, second] = [w.lease(backend!), w.lease(backend!)];
    expect([backend!.inFlight, first.slot, second.slot]).toEqual([2, 0, 1]);
    first.end();
    expect([backend!.inFlight, w.lease(backend!).slot, backend!.inFlight, w.openLeases.length]).toEqual([1, 0, 2, 2]);
    expect(() => first.end()).toThrow(/ended twice/);
  });

  it('tell their listener start, head and end; without an outcome answered in the time that passed', () => {
    const w = world();
    const seen: unknown[] = [];
    const listener = {
      onStart: () => void seen.push('start'),
      onHead: (_lease: object, head: { status: number }) => void seen.push(head.status),
      onEnd: (_lease: object, outcome: object) => void seen.push(outcome),
    };
    const lease = w.lease(w.backends(1)[0]!, w.exchange(), listener);
    lease.respond(w.responseHead(204));
    w.advance(20);
    lease.end();
    expect(seen).toEqual(['start', 204, { kind: 'answered', status: 200, connectMs: 0, firstByteMs: 20, durationMs: 20, bytesToBackend: 0, bytesFromBackend: 0 }]);
  });

  it('end in any way', () => {
    expect(answered(503, { durationMs: 9 })).toMatchObject({ kind: 'answered', status: 503, durationMs: 9, firstByteMs: 0 });
    expect(failed('connect')).toMatchObject({ kind: 'failed', phase: 'connect', code: 'ERR_UPSTREAM_CONNECT', status: 0, firstByteMs: -1 });
    expect(failed('body', { code: 'ERR_UPSTREAM_TIMEOUT' })).toMatchObject({ phase: 'body', code: 'ERR_UPSTREAM_TIMEOUT', status: 200 });
    expect(aborted('plugin')).toMatchObject({ kind: 'aborted', by: 'plugin' });
  });
});
