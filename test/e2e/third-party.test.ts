/** A plugin by somebody who has only what `npm install @steelyard/sdk` gives. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBalancer } from '@steelyard/core';
import { loadConfig } from '../../core/src/config/load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');
const folder = mkdtempSync(join(tmpdir(), 'steelyard-third-party-'));
const stage = join(folder, 'stage');
const stranger = join(folder, 'stranger');
const app = join(folder, 'app');

// Outside of `describe`: what fails here fails the file.
beforeAll(async () => {
  const sdk = await packSdk();
  cpSync(join(ROOT, 'test/third-party'), stranger, { recursive: true });
  await install(stranger, sdk);
  // Its compiler and the types of Node: what is the same for everybody need not come from a registry.
  symlinkSync(join(ROOT, 'node_modules/@types'), join(stranger, 'node_modules/@types'));
  await run(stranger, process.execPath, COMPILER, '-p', '.');
  const plugin = await pack(stranger);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "type": "module", "private": true }');
  await install(app, sdk, plugin);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a third party’s plugin', () => {
  it('gets a packed SDK that is JavaScript with types, and needs no other package', () => {
    const installed = join(stranger, 'node_modules/@steelyard/sdk');
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest.exports).toEqual({
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './testkit': { types: './dist/testkit/index.d.ts', default: './dist/testkit/index.js' },
    });
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toContain('Steelyard contributors');
    // Its own page, which a pack leaves where it is.
    for (const place of [installed, join(stage, 'sdk')]) expect(readFileSync(join(place, 'README.md'), 'utf8')).toMatch(/^# @steelyard\/sdk/);
  });

  it('passes its own tests with the packed test kit', async () => {
    const output = await run(stranger, process.execPath, '--test', '--test-reporter=tap', 'dist/index.test.js');
    expect(output).toMatch(/^ *ok \d+ - same-zone: never picks a backend that is unavailable or was already tried$/m);
    expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThan(10);
    expect(output).toMatch(/^# fail 0$/m);
  });

  it('is loaded by its name in a config, its options checked by its own schema', async () => {
    const env = { command: 'check', env: {} } as const;
    const { resolved } = await loadConfig(config({ zone: 'a' }), env);
    expect(resolved.pools[0]!.strategy).toMatchObject({ name: 'same-zone', options: { zone: 'a' } });
    await expect(loadConfig(config({ zome: 'a' }), env)).rejects.toMatchObject({ code: 'ERR_CONFIG' });
  });

  it('balances', async () => {
    const servers = await Promise.all(['near', 'far', 'near too'].map(serve));
    const [near, far, nearToo] = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const file = config({ zone: 'a' }, [{ url: near, zone: 'a' }, { url: far, zone: 'b' }, { url: nearToo, zone: 'a' }]);
    const balancer = createBalancer({ configFile: file });
    try {
      await balancer.start();
      const answers: string[] = [];
      for (let i = 0; i < 6; i++) answers.push(await (await fetch(`http://127.0.0.1:${balancer.address().port}/`)).text());
      expect(answers.sort()).toEqual(['near', 'near', 'near', 'near too', 'near too', 'near too']);
    } finally {
      await balancer.stop();
      for (const server of servers) server.close();
    }
  });
});

/** In a copy: a pack rewrites package.json while it runs, and other tests import the SDK meanwhile. */
async function packSdk(): Promise<string> {
  for (const path of ['sdk', 'test/repo/prepack.ts', 'tsconfig.json', 'LICENSE', 'README.md']) {
    cpSync(join(ROOT, path), join(stage, path), { recursive: true, filter: (source) => !/[\\/](node_modules|dist)$/.test(source) });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(stage, 'node_modules'));
  return await pack(join(stage, 'sdk'));
}

async function pack(cwd: string): Promise<string> {
  const output = await run(cwd, 'npm', 'pack', '--loglevel=error', '--pack-destination', folder);
  return join(folder, output.trim().split('\n').at(-1)!);
}

/** Nothing is saved: what a stranger's package.json says is what it is packed with. */
async function install(cwd: string, ...tarballs: string[]): Promise<void> {
  await run(cwd, 'npm', 'install', '--offline', '--no-audit', '--no-fund', '--no-save', '--loglevel=error', ...tarballs);
}

/** @throws Error with everything that it printed */
async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  // Of the npm that runs these tests the inner one must know nothing; the pinned Node comes first.
  const outer = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS$|NODE_TEST_|VITEST|INIT_CWD$)/i.test(name));
  const env = { ...Object.fromEntries(outer), PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  try {
    return (await promisify(execFile)(command, args, { cwd, env })).stdout;
  } catch (thrown) {
    const { stdout, stderr } = thrown as { stdout: string; stderr: string };
    throw new Error(`${[command, ...args].join(' ')}\n${stdout}${stderr}`, { cause: thrown });
  }
}

function config(options: object, backends: object[] = [{ url: 'http://127.0.0.1:9', zone: 'a' }]): string {
  const file = join(app, 'balancer.config.json');
  const pool = { backends, strategy: { use: 'steelyard-plugin-same-zone', options } };
  writeFileSync(file, JSON.stringify({ listeners: [{ port: 0, host: '127.0.0.1', pool: 'web' }], pools: { web: pool }, log: { level: 'silent' } }));
  return file;
}

async function serve(name: string): Promise<ReturnType<typeof createServer>> {
  const server = createServer((_request, response) => response.end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
