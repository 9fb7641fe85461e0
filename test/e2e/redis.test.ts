/** Two Redis servers behind a tcp pool, driven by Redis' own clients. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { start } from './support/balancer.ts';
import { deadPort } from './support/origin.ts';
import { launch, programs, run, serve, type Server } from './support/programs.ts';
import { tcpTo } from './support/tcp.ts';

const { paths, missing } = programs(['redis-server', 'redis-cli', 'redis-benchmark']);

describe.skipIf(missing !== '')(`Redis${missing && ` (skipped: ${missing})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-redis-'));
  const servers: (Server & { port: number })[] = [];

  beforeAll(async () => {
    for (const name of ['one', 'two']) {
      const port = await deadPort();
      const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, '--daemonize', 'no'];
      servers.push({ port, ...(await serve(paths['redis-server'], args, /Ready to accept connections/i, { cwd: folder })) });
      await cli(port, 'SET', 'name', name);
    }
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function cli(port: number, ...command: string[]): Promise<string> {
    return (await run(paths['redis-cli'], ['-p', String(port), ...command])).toString().trim();
  }
  async function balance(): Promise<number> {
    return (await start(tcpTo(servers.map(({ port }) => `tcp://127.0.0.1:${port}`)))).port;
  }

  it('answers each connection by the next server', async () => {
    const port = await balance();
    const names = [];
    for (let i = 0; i < 4; i++) names.push(await cli(port, 'GET', 'name'));
    expect([...new Set(names.slice(0, 2))].sort()).toEqual(['one', 'two']);
    expect(names.slice(2)).toEqual(names.slice(0, 2));
  });

  it('keeps what one connection sets, a megabyte too', async () => {
    const port = await balance();
    const large = 'v'.repeat(1_000_000);
    const said = await run(paths['redis-cli'], ['-p', String(port)], { input: `SET greeting "hello world"\nGET greeting\nSET large ${large}\nGET large\n` });
    expect(said.toString().trim().split('\n')).toEqual(['OK', 'hello world', 'OK', large]);
  });

  it('takes 10,000 pipelined commands', async () => {
    const port = await balance();
    const commands = Array.from({ length: 10_000 }, (_, i) => `SET piped:${i} ${i}\r\n`).join('');
    const said = await run(paths['redis-cli'], ['-p', String(port), '--pipe'], { input: commands });
    expect(said.toString()).toContain('errors: 0, replies: 10000');
    const last = await Promise.all(servers.map((server) => cli(server.port, 'GET', 'piped:9999')));
    expect(last.sort()).toEqual(['', '9999']);
  });

  it('publishes to subscribers that wait on open connections', async () => {
    const port = await balance();
    // In turn: one subscriber on each server, then one message to each.
    const subscribers = [];
    for (let i = 0; i < 2; i++) {
      const subscriber = launch(paths['redis-cli'], ['-p', String(port), 'SUBSCRIBE', 'news']);
      onTestFinished(async () => {
        subscriber.child.kill();
        await subscriber.ended;
      });
      await subscriber.until(/subscribe\nnews\n1\n/);
      subscribers.push(subscriber);
    }
    for (let i = 0; i < 2; i++) expect(await cli(port, 'PUBLISH', 'news', 'good')).toBe('1');
    for (const subscriber of subscribers) expect(await subscriber.until(/message\nnews\ngood\n/)).not.toMatch(/good[^]*good/);
  });

  it('stands its own benchmark', async () => {
    const port = await balance();
    const said = await run(paths['redis-benchmark'], ['-p', String(port), '-q', '-n', '2000', '-c', '20', '-P', '4', '-t', 'ping,set,get,lpush,lrange_100']);
    expect(said.toString().match(/requests per second/g)!.length).toBeGreaterThanOrEqual(5);
  });
});
