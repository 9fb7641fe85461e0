import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';

const BIN = new URL('../../core/bin/steelyard.js', import.meta.url).pathname;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'steelyard-cli-')));
symlinkSync(new URL('../../node_modules', import.meta.url).pathname, join(folder, 'node_modules'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { cwd: folder, encoding: 'utf8', timeout: 15_000 });
  return { status, stdout, stderr };
};
const put = (name: string, config: unknown): string => {
  writeFileSync(join(folder, name), typeof config === 'string' ? config : JSON.stringify(config));
  return name;
};
const valid = (port = 0) => ({ listeners: [{ port, host: '127.0.0.1' }], pools: { web: { backends: ['http://127.0.0.1:1'] } }, routes: [{ pool: 'web' }] });

/** A running balancer: its log lines as they come. */
function runOn(...args: string[]) {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const until = async (message: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`ended before it said: ${message}`);
      const line = JSON.parse(value) as Record<string, unknown>;
      if (String(line.msg).includes(message)) return line;
    }
  };
  return { child, exit, until };
}

describe('steelyard', () => {
  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../core/package.json', import.meta.url), 'utf8')) as { version: string };
    expect(run('--version')).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('ends with 64 and what was meant when it is not understood', () => {
    expect(run('chek')).toEqual({ status: 64, stdout: '', stderr: "steelyard: 'chek' is no command (did you mean check?)\n" });
  });

  it('check ends with 78 and the report when the config has faults', () => {
    put('faulty.json', { ...valid(), routes: [{ pool: 'wep' }] });
    expect(run('check', '-c', 'faulty.json')).toEqual({
      status: 78, stdout: '', stderr: `steelyard: ${join(folder, 'faulty.json')} has a fault:\n  routes[0].pool is "wep", but there is no such pool: there is web (did you mean "web"?)\n`,
    });
    const { status, stdout } = run('check', '-c', 'faulty.json', '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([78, { code: 'ERR_CONFIG', faults: [{ path: 'routes[0].pool' }] }]);
  });

  it('check prints the config with all defaults, and ends though the config left a timer', () => {
    put('open.ts', `setInterval(() => {}, 1000);\nexport default ${JSON.stringify(valid())};`);
    const text = run('check', '-c', 'open.ts');
    expect(text).toMatchObject({ status: 0, stderr: '' });
    expect(text.stdout).toContain('drainLimitMs: 30000');
    expect(text.stdout).toMatch(/open\.ts is valid\.\n$/);
    expect(JSON.parse(run('check', '-c', 'open.ts', '--json').stdout)).toMatchObject({ listeners: [{ name: 'http-0-127.0.0.1', limits: { maxBodyBytes: null } }] });
  });

  it('check tells what only plugins know of their options, each with its place', () => {
    const pool = (strategy: object, health: object[] = []): object => ({ backends: ['http://127.0.0.1:1'], strategy, health });
    const over = { use: 'round-robin' };
    put('crossed.json', {
      ...valid(),
      pools: {
        web: pool({ use: 'sticky', options: { over, secret: 'x'.repeat(16), sameSite: 'none' } }),
        deep: pool({ use: 'slow-start', options: { over: { use: 'subset', options: { over, size: 3, aperture: { index: 4, balancers: 4 } } } } }),
        sum: pool({ use: 'split', options: { over: [over, over], parts: [{ name: 'a', weight: 0 }, { name: 'b', weight: 0 }] } }),
        sound: pool({ use: 'p2c' }, [{ use: 'passive-check' }]),
      },
    });
    expect(run('check', '-c', 'crossed.json')).toEqual({
      status: 78, stdout: '', stderr: [
        `steelyard: ${join(folder, 'crossed.json')} has 3 faults:`,
        "  pools.web.strategy (sticky) is refused: sticky: sameSite is 'none' and secure is false: browsers drop such a cookie (say secure: true)",
        '  pools.deep.strategy (slow-start) is refused: subset: aperture.index is 4, but of 4 balancers the last one is 3 (the first balancer has index 0)',
        '  pools.sum.strategy (split) is refused: split: all parts have weight 0 (give one a weight: nobody would get anything)', '',
      ].join('\n'),
    });
  });

  it('check warns of what the config hardly means, beside its output', () => {
    put('lost.json', { ...valid(), pools: { ...valid().pools, lost: { backends: ['http://127.0.0.1:9'] } } });
    const { status, stdout, stderr } = run('check', '-c', 'lost.json', '--json');
    expect([status, Object.keys(JSON.parse(stdout) as object), stderr]).toEqual([0, expect.arrayContaining(['pools']), 'warning: no route and no listener sends anything to pool "lost"\n']);
  });

  it('says where it looked when there is no config', () => {
    expect(run('start')).toEqual({
      status: 78, stdout: '', stderr: `steelyard: there is no config in ${folder}: looked for balancer.config.ts, balancer.config.js, balancer.config.mjs, balancer.config.json (steelyard init writes a first one, --config names another)\n`,
    });
  });

  it('init writes a config that is valid, once', () => {
    expect(run('init', '-c', 'first.config.ts').status).toBe(0);
    // It may come to hold keys.
    expect(statSync(join(folder, 'first.config.ts')).mode & 0o027).toBe(0);
    expect(run('check', '-c', 'first.config.ts')).toMatchObject({ status: 0, stderr: '' });
    const before = readFileSync(join(folder, 'first.config.ts'), 'utf8');
    expect(run('init', '-c', 'first.config.ts')).toMatchObject({ status: 1, stderr: expect.stringContaining('first.config.ts is there already') as unknown });
    expect(readFileSync(join(folder, 'first.config.ts'), 'utf8')).toBe(before);
    expect(existsSync(join(folder, 'balancer.config.ts'))).toBe(false);
  });

  it('plugins lists those of the config with their options', () => {
    const { status, stdout } = run('plugins', '-c', 'first.config.ts');
    expect(status).toBe(0);
    expect(stdout).toMatch(/\nround-robin \(strategy\)/);
    expect(stdout).toMatch(/\nhttp-check \(health check\)/);
    expect(stdout).toMatch(/\n {2}port +a whole number from 0 to 65535; default 9464/);
  });

  it('plugins lists those that are installed where there is no config', () => {
    const pages = JSON.parse(run('plugins', '--json').stdout) as { name: string; kind: string; options: object[] }[];
    expect(pages).toContainEqual(expect.objectContaining({ name: 'p2c', kind: 'strategy', options: [expect.objectContaining({ name: 'choices', default: 2, required: false })] }));
  });

  it('start says in one sentence that a port is in use, and ends with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const { status, stderr } = run('-c', put('taken.json', valid(port)));
    taken.close();
    expect([status, stderr.split('\n').length]).toEqual([1, 2]);
    expect(stderr).toContain(`127.0.0.1:${port}`);
  });

  it('start is ready, reloads on SIGHUP, keeps the old config when the new one is faulty, and stops in order on SIGTERM', async () => {
    const name = put('live.json', valid());
    const { child, exit, until } = runOn('-c', name);
    const { port } = ((await until('ready')).listeners as { port: number }[])[0]!;
    child.kill('SIGHUP');
    expect(await until('reloaded')).toMatchObject({ generation: 2 });
    put(name, { ...valid(), routes: [{ pool: 'wep' }] });
    child.kill('SIGHUP');
    expect((await until('refused')).msg).toContain('routes[0].pool is "wep"');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBeGreaterThanOrEqual(500);
    child.kill('SIGTERM');
    await until('stopped');
    expect(await exit).toBe(0);
  });

  it('--watch reloads when the config changes, also after it was faulty', async () => {
    const name = put('watched.json', valid());
    const { child, exit, until } = runOn('-c', name, '--watch');
    await until('watching');
    put(name, '{');
    await until('refused');
    put(name, { ...valid(), drainLimitMs: 1 });
    await until('reloaded');
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('a Ctrl-C that comes twice, from the terminal and from npm, is one: the open exchange ends', async () => {
    const slow = createHttpServer((_request, response) => void setTimeout(() => response.end('whole'), 150)).listen(0, '127.0.0.1');
    await new Promise((resolve) => slow.once('listening', resolve));
    const asked = new Promise((resolve) => slow.once('request', resolve));
    const backend = `http://127.0.0.1:${(slow.address() as { port: number }).port}`;
    const { child, exit, until } = runOn('-c', put('twice.json', { ...valid(), pools: { web: { backends: [backend] } } }));
    const { port } = ((await until('ready')).listeners as { port: number }[])[0]!;
    const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } }).then((response) => response.text(), () => 'cut');
    await asked;
    child.kill('SIGINT');
    await until('SIGINT');
    child.kill('SIGINT');
    expect([await answer, await exit]).toEqual(['whole', 0]);
    slow.closeAllConnections();
    slow.close();
  });

  it('a second signal does not wait for open exchanges', async () => {
    // A backend that takes the request and never answers.
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const asked = new Promise<void>((resolve) => silent.on('connection', (socket) => socket.once('data', () => resolve()).on('error', () => {})));
    const backend = `http://127.0.0.1:${(silent.address() as { port: number }).port}`;
    const { child, exit, until } = runOn('-c', put('second.json', { ...valid(), pools: { web: { backends: [backend] } }, drainLimitMs: 600_000 }));
    const { port } = ((await until('ready')).listeners as { port: number }[])[0]!;
    const cut = fetch(`http://127.0.0.1:${port}/`).then(() => 'answered', () => 'cut');
    await asked;
    child.kill('SIGTERM');
    await until('SIGTERM');
    child.kill('SIGTERM');
    expect([await exit, await cut]).toEqual([1, 'cut']);
    silent.close();
  });
});
