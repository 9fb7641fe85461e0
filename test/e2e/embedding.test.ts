/** The balancer inside a program: its states, its ports, its configs, and that nothing of it is left. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBalancer, type Balancer } from '@steelyard/core';
import { defineConfig, type Config } from '@steelyard/sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import { expectClear, proxyTo, start } from './support/balancer.ts';
import { namedOrigin } from './support/origin.ts';
import { plugin } from './support/recorder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function create(config: Config): Balancer {
  const balancer = createBalancer({ log: { level: 'silent' }, ...config });
  onTestFinished(() => balancer.stop({ drainLimitMs: 100 }));
  return balancer;
}
async function get(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`)).text();
}
async function blockedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}
async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false)).on('connect', () => socket.destroy());
  });
}
/** Runs a program in a process of its own; resolves when it ends, with what it printed. */
async function run(program: string): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let printed = '';
  child.stdout.on('data', (bytes) => (printed += String(bytes)));
  const [code] = (await once(child, 'close')) as [number | null];
  return `${printed}exit ${code}`;
}

describe('several balancers', () => {
  it('live in one process and know nothing of each other', async () => {
    const [a, b] = [await namedOrigin('a'), await namedOrigin('b')];
    const [one, two] = [await start(proxyTo(a.url)), await start(proxyTo(b.url))];
    expect([await get(one.port), await get(two.port)]).toEqual(['a', 'b']);
    await one.balancer.stop();
    expect(await get(two.port)).toBe('b');
    expect(one.balancer.ledger().leasesOpened).toBe(1);
    expect(two.balancer.ledger().leasesOpened).toBe(2);
  });

  it('may stand one behind the other', async () => {
    const { url } = await namedOrigin('deep');
    const inner = await start(proxyTo(url));
    const outer = await start(proxyTo(`http://127.0.0.1:${inner.port}`));
    expect(await get(outer.port)).toBe('deep');
  });
});

describe('a balancer', () => {
  it('opens nothing before its start, and says so when it is asked where it is', async () => {
    const setUps: string[] = [];
    const balancer = create({ ...proxyTo('http://127.0.0.1:9'), plugins: [plugin('eager', () => void setUps.push('set up'))] });
    expect(setUps).toEqual([]);
    expect(() => balancer.address()).toThrow(expect.objectContaining({ code: 'ERR_STATE' }) as Error);
    await balancer.start();
    expect(setUps).toEqual(['set up']);
    expect(balancer.address()).toEqual({ host: '127.0.0.1', port: expect.any(Number) as number });
    expect(() => balancer.address('nobody')).toThrow(/nobody/);
  });

  it('starts once', async () => {
    const balancer = create(proxyTo('http://127.0.0.1:9'));
    const [first, second] = await Promise.allSettled([balancer.start(), balancer.start()]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ERR_STATE' } });
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  it('stops as often as it is told, also at once, and ends its plugins once', async () => {
    let ends = 0;
    const balancer = create({ ...proxyTo('http://127.0.0.1:9'), plugins: [plugin('counting', (host) => host.defer(() => void ends++))] });
    await balancer.start();
    await Promise.all([balancer.stop(), balancer.stop()]);
    await balancer.stop();
    expect(ends).toBe(1);
    expectClear(balancer);
  });

  it('that is stopped before its start does not start', async () => {
    const balancer = create(proxyTo('http://127.0.0.1:9'));
    await balancer.stop();
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  it('that is stopped while it starts is stopped then', async () => {
    const { url } = await namedOrigin('x');
    const balancer = create(proxyTo(url));
    const starting = balancer.start();
    await balancer.stop();
    await starting;
    expect(() => balancer.address()).toThrow();
    await expect(balancer.reload()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  it('that is not started, or stopped, cannot be reloaded', async () => {
    const balancer = create(proxyTo('http://127.0.0.1:9'));
    await expect(balancer.reload()).rejects.toMatchObject({ code: 'ERR_STATE' });
    await balancer.start();
    await balancer.stop();
    await expect(balancer.reload()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  it('that cannot bind its port says which and what to do, and leaves nothing open', async () => {
    const taken = await blockedPort();
    const ends: string[] = [];
    let served = 0;
    let ticks = 0;
    const busy = plugin('busy', async (host) => {
      host.every(1, () => void ticks++);
      host.defer(() => void ends.push('deferred'));
      await host.shared('thing', () => 1, () => void ends.push('shared'));
      served = (await host.serve({ port: 0 }, (_request, response) => void response.end())).port;
    }, 'closed', 'main');
    const balancer = create({ ...proxyTo('http://127.0.0.1:9'), listeners: [{ port: 0, host: '127.0.0.1' }, { port: taken, host: '127.0.0.1' }], plugins: [busy] });
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_LISTEN', message: expect.stringContaining(`127.0.0.1:${taken}`) as string, hint: expect.stringContaining('another port') as string });
    expect(ends).toEqual(['deferred', 'shared']);
    expect(await isOpen(served)).toBe(false);
    expectClear(balancer);
    const ticked = ticks;
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(ticks).toBe(ticked);
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_STATE' });
  });

  it.each([
    ['was started, used and stopped', "await balancer.start(); console.log(await (await fetch('http://127.0.0.1:' + balancer.address().port)).text()); await balancer.reload(); await balancer.stop();", 'hello\n'],
    ['could not start', "await balancer.start().catch((error) => console.log(error.code));", 'ERR_LISTEN\n'],
  ])('that %s lets its process end', async (name, steps, printed) => {
    const { url } = await namedOrigin('hello');
    const listeners = [{ port: 0, host: '127.0.0.1' }, ...(name === 'could not start' ? [{ port: await blockedPort(), host: '127.0.0.1' }] : [])];
    const program = `
      import { createBalancer } from '@steelyard/core';
      import httpCheck from '@steelyard/plugins/http-check';
      const balancer = createBalancer({
        listeners: ${JSON.stringify(listeners)}, log: { level: 'silent' },
        pools: { web: { backends: ['${url}'], health: httpCheck() } }, routes: [{ pool: 'web' }],
      });
      ${steps}`;
    expect(await run(program)).toBe(`${printed}exit 0`);
  });
});

describe('the config', () => {
  it('may be a promise, or a function that is told the command and the environment', async () => {
    const { url } = await namedOrigin('x');
    let told: unknown;
    const config: Config = { ...proxyTo(url), log: { level: 'silent' } };
    const asked = defineConfig((env) => {
      told = env.command;
      return config;
    });
    for (const source of [Promise.resolve(config), asked, async () => config]) {
      const balancer = createBalancer(source);
      onTestFinished(() => balancer.stop());
      await balancer.start();
      expect(await get(balancer.address().port)).toBe('x');
    }
    expect(told).toBe('embed');
  });

  it('that is a function is asked again at each reload', async () => {
    const origins = [await namedOrigin('first'), await namedOrigin('second')];
    const asked = [...origins];
    const balancer = createBalancer(() => ({ ...proxyTo(asked.shift()!.url), log: { level: 'silent' as const } }));
    onTestFinished(() => balancer.stop());
    await balancer.start();
    expect(await get(balancer.address().port)).toBe('first');
    await balancer.reload();
    expect(await get(balancer.address().port)).toBe('second');
  });

  it('may be a JSON file, with plugins by name, and is read again at each reload', async () => {
    const origins = [await namedOrigin('first'), await namedOrigin('second')];
    const folder = mkdtempSync(join(tmpdir(), 'steelyard-embedding-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const configFile = join(folder, 'balancer.config.json');
    const write = (url: string): void => writeFileSync(configFile, JSON.stringify({ ...proxyTo(), log: { level: 'silent' }, pools: { web: { backends: [url], strategy: { use: 'round-robin' } } } }));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    write(origins[0]!.url);
    const balancer = createBalancer({ configFile });
    onTestFinished(() => balancer.stop());
    await balancer.start();
    expect(balancer.watchFiles()).toContain(configFile);
    expect(balancer.describe().pools[0]!.strategy).toBe('round-robin');
    expect(await get(balancer.address().port)).toBe('first');
    write(origins[1]!.url);
    await balancer.reload();
    expect(await get(balancer.address().port)).toBe('second');
  });

  it('with faults refuses the start with a report', async () => {
    const balancer = createBalancer({ listeners: [{ port: 99_999 }], pools: { web: { backends: [] } }, routes: [{ pool: 'wep' }] });
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_CONFIG', message: expect.stringMatching(/listeners\[0\]\.port[^]*routes\[0\]\.pool[^]*did you mean "web"/) as string });
  });
});
