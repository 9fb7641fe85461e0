import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withDefaults } from '@steelyard/sdk';
import type { BackendSpec, DiscoveryDefinition } from '@steelyard/sdk';
import { world } from '@steelyard/sdk/testkit';
import type { FakeHost, World } from '@steelyard/sdk/testkit';
import demoBackends from '@steelyard/plugins/demo-backends';
import type { DemoBackendsOptions } from '@steelyard/plugins/demo-backends';
import { answer } from '../../plugins/demo-backends/answers.ts';

interface Watching {
  host: FakeHost;
  lists: BackendSpec[][];
}
let w: World;
beforeEach(() => void (w = world()));
afterEach(() => w.end());

/** One generation of the plugin. */
async function watch(options: DemoBackendsOptions): Promise<Watching> {
  const use = demoBackends(options);
  const definition = use.definition as unknown as DiscoveryDefinition<DemoBackendsOptions>;
  const watching: Watching = { host: w.host('demo-backends'), lists: [] };
  const { host, lists } = watching;
  await definition.watch((list) => lists.push([...list] as BackendSpec[]), host.signal, withDefaults(use.definition.options, use.options) as never, host);
  return watching;
}
async function advance(ms: number): Promise<void> {
  w.advance(ms);
  await w.settled();
}
async function who(backend: BackendSpec): Promise<{ number: string; pid: number }> {
  const text = await (await fetch(backend.url)).text();
  const [, number = '', pid = ''] = /^backend (\d+), process (\d+)/.exec(text)!;
  return { number, pid: Number(pid) };
}
function isRunning(pid: number): boolean {
  try {
    // Signal 0 reaches a process that has ended and waits for a parent to ask how: in a container perhaps for ever. Linux tells.
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
async function eventually(rule: () => boolean): Promise<void> {
  await expect.poll(rule, { interval: 5, timeout: 10_000 }).toBe(true);
}

describe('demoBackends()', () => {
  it('publishes one running process for each that was asked for', async () => {
    const { lists } = await watch({ count: 2 });
    expect(lists).toHaveLength(1);
    expect(lists[0]!.map((backend) => backend.labels)).toEqual([{ demo: '1' }, { demo: '2' }]);
    const found = await Promise.all(lists[0]!.map(who));
    expect(found.map(({ number }) => number)).toEqual(['1', '2']);
    expect(new Set([process.pid, ...found.map(({ pid }) => pid)]).size).toBe(3);
  });

  it('publishes the list without a process that died, and with its successor after a wait that doubles', async () => {
    const { host, lists } = await watch({ count: 2 });
    let [first, second] = lists[0]!;
    for (const waitMs of [250, 500]) {
      lists.length = 0;
      process.kill((await who(first!)).pid, 'SIGKILL');
      await eventually(() => lists.length === 1);
      expect(lists[0]).toEqual([second]);
      await advance(waitMs - 1);
      expect([lists.length, w.clock.pending]).toEqual([1, 1]);
      await advance(1);
      expect(lists).toHaveLength(2);
      expect(lists[1]![1]).toEqual(second);
      expect(await who(lists[1]![0]!)).toMatchObject({ number: '1' });
      [first, second] = lists[1]!;
    }
    // One that has lived for long begins with the first wait again.
    lists.length = 0;
    await advance(10_000);
    process.kill((await who(first!)).pid, 'SIGKILL');
    await eventually(() => lists.length === 1);
    await advance(250);
    expect(lists).toHaveLength(2);
    expect(host.lines.filter(({ message }) => message.startsWith('a demo backend died'))).toHaveLength(3);
  });

  it('keeps the processes over a reload, and ends them with the last generation', async () => {
    const old = await watch({ count: 2 });
    const pids = (await Promise.all(old.lists[0]!.map(who))).map(({ pid }) => pid);
    const next = await watch({ count: 2 });
    expect(next.lists).toEqual(old.lists);
    await old.host.end();
    expect((await Promise.all(next.lists[0]!.map(who))).map(({ pid }) => pid)).toEqual(pids);
    await next.host.end();
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('leaves the restart that an ended generation owed to the one that lives', async () => {
    const stays = await watch({ count: 1 });
    const refused = await watch({ count: 1 });
    process.kill((await who(stays.lists[0]![0]!)).pid, 'SIGKILL');
    await eventually(() => stays.lists.length === 2);
    // The newest has the clock; its reload fails in the end, and its timer is gone with it.
    await refused.host.end();
    await advance(250);
    expect(stays.lists.map((list) => list.length)).toEqual([1, 0, 1]);
    expect(refused.lists.map((list) => list.length)).toEqual([1, 0]);
  });

  it('leaves no process behind when its own is killed by SIGKILL', async () => {
    const parent = spawn(process.execPath, [join(import.meta.dirname, 'demo-backends-parent.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids.map(isRunning)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await eventually(() => !pids.some(isRunning));
  });

  it('outlives the Ctrl-C that its balancer drains after', async () => {
    const { lists } = await watch({ count: 1 });
    const { pid } = await who(lists[0]![0]!);
    process.kill(pid, 'SIGINT');
    process.kill(pid, 'SIGHUP');
    expect((await who(lists[0]![0]!)).pid).toBe(pid);
  });
});

describe('a demo backend', () => {
  let server: Server;
  let origin = '';
  beforeAll(async () => {
    server = createServer((request, response) => answer(7, request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('says who it is, what it was asked, and which forwarding headers came', async () => {
    const response = await fetch(`${origin}/a/b?c=d`, { headers: { 'x-forwarded-for': '203.0.113.7', via: '1.1 steelyard', cookie: 'secret=1' } });
    const text = await response.text();
    expect(text).toMatch(/^backend 7, process \d+, port \d+\n\nGET \/a\/b\?c=d HTTP\/1\.1\nhost: 127\.0\.0\.1:\d+\nx-forwarded-for: 203\.0\.113\.7\nvia: 1\.1 steelyard\n$/);
    expect(response.headers.get('x-demo-backend')).toBe('7');
  });

  it('answers with the status, the number of bytes and the body that it is asked for', async () => {
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    expect((await fetch(`${origin}/status/503`)).status).toBe(503);
    expect((await (await fetch(`${origin}/bytes/200000`)).arrayBuffer()).byteLength).toBe(200_000);
    const echo = await fetch(`${origin}/echo`, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(await echo.text()).toBe('x'.repeat(100_000));
    expect(await (await fetch(`${origin}/slow?ms=1`)).text()).toMatch(/^backend 7/);
  });

  it('explains a path that it cannot follow, and survives any target', async () => {
    for (const path of ['/status/199', '/status/abc', '/bytes/-1', '/bytes/99999999999', '/slow?ms=60001']) {
      const response = await fetch(origin + path);
      expect([path, response.status]).toEqual([path, 400]);
      expect(await response.text()).toContain('usage: ');
    }
    expect((await fetch(`${origin}//`)).status).toBe(200);
  });
});
