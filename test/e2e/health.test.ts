/** Health that moves traffic: active and passive checks, marks by source, and what a dead backend costs clients. */
import { defineDiscovery, defineExporter, defineHealthCheck, type Config, type HttpPool, type MetricsSnapshot } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import passiveCheck from '@steelyard/plugins/passive-check';
import { describe, expect, it } from 'vitest';
import { clock } from '../../core/src/services.ts';
import { proxyTo, start, type Running } from './support/balancer.ts';
import { httpOrigin, namedOrigin, type Origin } from './support/origin.ts';
import { Recorder } from './support/recorder.ts';

interface Patient extends Origin {
  /** What it answers from now on, to checks and to clients. */
  status: number;
  /** Requests of clients; `/healthz` is not counted. */
  served: number;
  probed: number;
}
async function patient(name: string): Promise<Patient> {
  const origin: Patient = Object.assign(await httpOrigin((request, response) => {
    if (request.url === '/healthz') origin.probed++;
    else origin.served++;
    response.writeHead(origin.status).end(name);
  }), { status: 200, served: 0, probed: 0 });
  return origin;
}
function poolOf(pool: HttpPool, recorder: Recorder): Config {
  return { ...proxyTo(), pools: { web: pool }, plugins: [recorder.plugin()] };
}
async function get(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  await response.text();
  return response.status;
}
function healthOf({ balancer }: Running): string[] {
  return balancer.describe().pools[0]!.backends.map(({ health }) => health);
}
const check = httpCheck({ path: '/healthz', intervalMs: 15, jitter: 0, rise: 3, fall: 2 });

describe('an active check', () => {
  it('takes a backend out that answers 500, and brings it back after `rise` good checks, not before', async () => {
    const [sick, well] = [await patient('sick'), await patient('well')];
    const recorder = new Recorder();
    const running = await start(poolOf({ backends: [sick.url, well.url], health: check }, recorder));
    sick.status = 500;
    await recorder.until(() => recorder.changes.at(-1)?.to === 'down');
    const before = sick.served;
    for (let i = 0; i < 6; i++) expect(await get(running.port)).toBe(200);
    expect(sick.served).toBe(before);
    const probedBefore = sick.probed;
    sick.status = 200;
    await recorder.until(() => recorder.changes.at(-1)!.to === 'up');
    // One probe may have been under way when it recovered.
    expect(sick.probed - probedBefore).toBeGreaterThanOrEqual(3);
    for (let i = 0; i < 4; i++) await get(running.port);
    expect(sick.served).toBeGreaterThan(before);
  });

  it('has its first results before the start is over, so that no request meets an unknown backend', async () => {
    const [sick, well] = [await patient('sick'), await patient('well')];
    sick.status = 500;
    const running = await start(poolOf({ backends: [sick.url, well.url], health: check }, new Recorder()));
    expect(healthOf(running)).toEqual(['down', 'up']);
    for (let i = 0; i < 4; i++) await get(running.port);
    expect(sick.served).toBe(0);
  });

  it('has its first result of a backend that a reload brings before it is switched to', async () => {
    const [sick, well] = [await patient('sick'), await patient('well')];
    sick.status = 500;
    const recorder = new Recorder();
    const running = await start(poolOf({ backends: [well.url], health: check }, recorder));
    await running.balancer.reload({ log: { level: 'silent' }, ...poolOf({ backends: [sick.url, well.url], health: check }, recorder) });
    expect(healthOf(running)).toEqual(['down', 'up']);
    for (let i = 0; i < 4; i++) await get(running.port);
    expect(sick.served).toBe(0);
  });

  it('is not believed below the panic threshold: all backends get traffic, until enough are up again', async () => {
    const [sick, well] = [await patient('sick'), await patient('well')];
    const recorder = new Recorder();
    let snapshot!: () => Promise<MetricsSnapshot>;
    const exporter = defineExporter<{}>({ name: 'look', options: {}, start: (_options, _host, take) => { snapshot = take; } });
    const answersWell = httpCheck({ path: '/healthz', intervalMs: 15, jitter: 0, rise: 1, fall: 1, expectStatus: [404] });
    const config = poolOf({ backends: [sick.url, well.url], panicThreshold: 0.5, health: answersWell }, recorder);
    const running = await start({ ...config, plugins: [...config.plugins!, exporter()] });
    const panics = async () => (await snapshot()).families.find(({ name }) => name === 'steelyard_pool_panic')!.samples.map((sample) => ('value' in sample ? sample.value : -1));
    // To the check 404 is good, to clients everybody answers 200.
    expect([healthOf(running), await panics()]).toEqual([['down', 'down'], [1]]);
    for (let i = 0; i < 4; i++) expect(await get(running.port)).toBe(200);
    expect([sick.served, well.served]).toEqual([2, 2]);
    well.status = 404;
    await recorder.until(() => recorder.changes.at(-1)?.to === 'up');
    expect([healthOf(running), await panics()]).toEqual([['down', 'up'], [0]]);
    for (let i = 0; i < 4; i++) expect(await get(running.port)).toBe(404);
  });

  it('that finds every backend down leaves a 503, with Retry-After', async () => {
    const sick = await patient('sick');
    sick.status = 500;
    const { port } = await start(poolOf({ backends: [sick.url], health: check }, new Recorder()));
    const response = await fetch(`http://127.0.0.1:${port}/`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
  });
});

describe('a backend of which nothing is known yet', () => {
  const slow = defineHealthCheck<{}>({
    name: 'slow', options: {},
    create: () => ({ probe: (_backend, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject)), schedule: { intervalMs: 60_000, jitter: 0, timeoutMs: 60_000, rise: 1, fall: 1 } }),
  });

  it.each([['unavailable', 503], ['available', 200]] as const)('gets traffic as `unknown: %s` says: %d', async (unknown, status) => {
    const { url } = await namedOrigin('x');
    // It comes after the start, which would wait for its first result.
    let publish: (list: string[]) => void = () => {};
    const late = defineDiscovery<{}>({
      name: 'late', options: {},
      watch(update) {
        publish = update;
        update([]);
      },
    });
    const running = await start(poolOf({ backends: late(), health: slow(), unknown }, new Recorder()));
    publish([url]);
    expect(healthOf(running)).toEqual(['unknown']);
    expect(await get(running.port)).toBe(status);
  });

  it('gets traffic in a pool without active check, and is known after its first success', async () => {
    const { url } = await namedOrigin('x');
    const running = await start(poolOf({ backends: [url], health: passiveCheck(), unknown: 'unavailable' }, new Recorder()));
    expect(await get(running.port)).toBe(200);
    expect(healthOf(running)).toEqual(['up']);
  });
});

describe('a passive check', () => {
  it('ejects a backend whose responses fail, and lets it back when its time is over', async () => {
    const [sick, well] = [await patient('sick'), await patient('well')];
    sick.status = 503;
    const recorder = new Recorder();
    const running = await start(poolOf({ backends: [sick.url, well.url], health: passiveCheck({ failures: 3, ejectMs: 100 }) }, recorder));
    while (recorder.changes.every(({ to }) => to !== 'down')) await get(running.port);
    expect(sick.served).toBe(3);
    expect(recorder.changes.at(-1)!.reason).toMatch(/3 failures in a row/);
    for (let i = 0; i < 4; i++) expect(await get(running.port)).toBe(200);
    expect(sick.served).toBe(3);
    sick.status = 200;
    await recorder.until(() => recorder.changes.some(({ from, to }) => from === 'down' && to === 'up'));
    for (let i = 0; i < 4; i++) await get(running.port);
    expect(sick.served).toBeGreaterThan(3);
  });

  it('counts a client that leaves as nobody\'s fault', async () => {
    const origin = await httpOrigin(() => {});
    const recorder = new Recorder();
    const running = await start(poolOf({ backends: [origin.url], health: passiveCheck({ failures: 1 }) }, recorder));
    const leaving = new AbortController();
    const request = fetch(`http://127.0.0.1:${running.port}/`, { signal: leaving.signal });
    while (running.balancer.ledger().upstreamConnections === 0) await new Promise((resolve) => setImmediate(resolve));
    leaving.abort();
    await expect(request).rejects.toThrow();
    await recorder.responses(1);
    expect(healthOf(running)).toEqual(['unknown']);
  });
});

it('the timers of checks never come early by their own clock: the end of an ejection that is asked for too soon would not come at all', async () => {
  const early = await Promise.all(Array.from({ length: 300 }, (_, i) => new Promise<number>((resolve) => {
    // Begun at all kinds of fractions of a millisecond, as ejections are.
    setTimeout(() => {
      const due = clock.now() + 20;
      clock.after(20, () => resolve(due - clock.now()));
    }, i / 3);
  })));
  expect(early.filter((ms) => ms > 0)).toEqual([]);
});

describe('marks', () => {
  it('of one source are not taken away by another', async () => {
    const verdicts = { first: true, second: true };
    const named = (name: 'first' | 'second') => defineHealthCheck<{}>({
      name, options: {},
      create: () => ({
        probe: () => (verdicts[name] ? Promise.resolve() : Promise.reject(new Error(`${name} says no`))),
        schedule: { intervalMs: 10, jitter: 0, timeoutMs: 1_000, rise: 1, fall: 1 },
      }),
    })();
    const { url } = await namedOrigin('x');
    const recorder = new Recorder();
    const running = await start(poolOf({ backends: [url], health: [named('first'), named('second')] }, recorder));
    const marks = (): string[] => running.balancer.describe().pools[0]!.backends[0]!.marks;
    const until = async (isTrue: () => boolean): Promise<void> => {
      while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    verdicts.first = verdicts.second = false;
    await until(() => marks().length === 2);
    expect(await get(running.port)).toBe(503);
    verdicts.first = true;
    await until(() => marks().length === 1);
    expect(marks()).toEqual([expect.stringContaining('second says no')]);
    expect(await get(running.port)).toBe(503);
    verdicts.second = true;
    await until(() => marks().length === 0);
    expect(await get(running.port)).toBe(200);
    // A flip each way, however many sources there are.
    expect(recorder.changes.map(({ to }) => to)).toEqual(['up', 'down', 'up']);
  });
});

it('a backend that dies costs no client anything, and gets no new request once that is known', async () => {
  const [dying, well] = [await patient('dying'), await patient('well')];
  const recorder = new Recorder();
  const running = await start(poolOf({ backends: [dying.url, well.url], health: check }, recorder));
  for (let i = 0; i < 4; i++) await get(running.port);
  expect(dying.served).toBeGreaterThan(0);
  await dying.close();
  for (let i = 0; i < 10; i++) expect(await get(running.port)).toBe(200);
  await recorder.until(() => recorder.changes.at(-1)!.to === 'down');
  const attempts = recorder.attempts.length;
  for (let i = 0; i < 4; i++) await get(running.port);
  expect(recorder.attempts.slice(attempts).map(({ outcome }) => outcome.kind)).toEqual(['answered', 'answered', 'answered', 'answered']);
});
