import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BRAND } from '@steelyard/sdk';
import type { ResolvedBackend } from '../../core/src/config/resolved.ts';
import { loadConfig } from '../../core/src/config/load.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'steelyard-load-')));
symlinkSync(new URL('../../node_modules', import.meta.url).pathname, join(folder, 'node_modules'));
afterAll(() => rmSync(folder, { recursive: true }));

const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const load = async (file: string) => await loadConfig(file, { command: 'check', env: { PORT: '7' } });
const BODY = "pools: { web: { backends: ['http://a:1'] } }";

describe('loadConfig', () => {
  it.each([
    ['an object in TypeScript', 'a.ts', `enum Port { Web = 7 }\nexport default { listeners: [{ port: Port.Web as number }], ${BODY} };`],
    ['a promise', 'b.ts', `export default Promise.resolve({ listeners: [{ port: 7 }], ${BODY} });`],
    ['a function of env', 'c.ts', `export default ({ command, env }: any) => ({ listeners: [{ port: command === 'check' ? Number(env.PORT) : 0 }], ${BODY} });`],
    ['an asynchronous function', 'd.js', `export default async () => ({ listeners: [{ port: 7 }], ${BODY} });`],
    ['a top-level await', 'e.mjs', `export default await Promise.resolve({ listeners: [{ port: 7 }], ${BODY} });`],
    ['CommonJS', 'f.js', `module.exports = { listeners: [{ port: 7 }], ${BODY} };`],
    ['JSON', 'g.json', '{ "listeners": [{ "port": 7 }], "pools": { "web": { "backends": ["http://a:1"], "strategy": { "use": "p2c", "options": { "choices": 3 } } } } }'],
  ])('takes %s', async (_what, name, text) => {
    const { resolved, files } = await load(put(name, text));
    expect(resolved.listeners[0]!.port).toBe(7);
    expect(files).toContain(join(folder, name));
  });

  it.each(['ts', 'mjs', 'js', 'json'])('reads a changed .%s config again', async (extension) => {
    const text = (port: number): string => (extension === 'json' ? `{ "listeners": [{ "port": ${port} }], "pools": {} }` : `export default { listeners: [{ port: ${port} }], pools: {} };`);
    const file = put(`again.${extension}`, text(1));
    const ports = [(await load(file)).resolved.listeners[0]!.port];
    put(`again.${extension}`, text(2));
    ports.push((await load(file)).resolved.listeners[0]!.port);
    expect(ports).toEqual([1, 2]);
  });

  it('reads changed imports again, and lists them with the plugins that were named by path, but nothing from node_modules', async () => {
    const backends = put('backends.ts', "export const backends: string[] = ['http://a:1'];");
    const beside = put('beside.ts', "import { defineStrategy } from '@steelyard/sdk';\nexport default defineStrategy({ name: 'beside', options: {}, create: () => ({ update() {}, select: () => undefined }) });");
    const file = put('imports.ts', "import { backends } from './backends.ts';\nimport pino from 'pino';\nvoid pino;\nexport default { listeners: [{ port: 0 }], pools: { web: { backends, strategy: { use: './beside.ts' } } } };");
    const first = await load(file);
    put('backends.ts', "export const backends: string[] = ['http://b:1'];");
    const second = await load(file);
    expect([first, second].map(({ resolved }) => (resolved.pools[0]!.backends as readonly ResolvedBackend[])[0]!.host)).toEqual(['a', 'b']);
    expect(first.files.toSorted()).toEqual([backends, beside, file].toSorted());
    expect(second.files.toSorted()).toEqual(first.files.toSorted());
    expect(first.resolved.pools[0]!.strategy).toMatchObject({ brand: BRAND, name: 'beside' });
  });

  it('gives config and plugins the SDK of the core: there is one', async () => {
    const file = put('one.ts', "import { SteelyardError } from '@steelyard/sdk';\nthrow new SteelyardError('ERR_STATE', { message: 'mine' });");
    await expect(load(file)).rejects.toMatchObject({ message: `${file} threw: mine` });
  });

  it('keeps loads that overlap apart', async () => {
    const files = ['x', 'y', 'z'].map((name, port) => put(`${name}.ts`, `await new Promise((resolve) => setImmediate(resolve));\nexport default { listeners: [{ port: ${port} }], pools: {} };`));
    const loaded = await Promise.all(files.map(load));
    expect(loaded.map(({ resolved, files: watched }) => [resolved.listeners[0]!.port, watched])).toEqual(files.map((file, port) => [port, [file]]));
  });
});

describe('a config that cannot be loaded', () => {
  it.each<[rule: string, name: string, text: string, code: string, message: (file: string) => string]>([
    ['has its place and a frame for a syntax error', 's1.ts', 'export default {\n  a: 1\n  b: 2,\n};\n', 'ERR_CONFIG_LOAD', (file) => [
      `${file}:3:3 is no valid TypeScript or JavaScript: Unexpected token, expected ","`, '    1 | export default {', '    2 |   a: 1', '  > 3 |   b: 2,', '      |   ^', '    4 | };',
    ].join('\n')],
    ['has its place and a frame for JSON', 's2.json', '{\n  "a": 1,\n}', 'ERR_CONFIG_LOAD', (file) => [
      `${file}:3:1 is not valid JSON: Expected double-quoted property name`, '    1 | {', '    2 |   "a": 1,', '  > 3 | }', '      | ^',
    ].join('\n')],
    ['has the line that threw', 's3.ts', 'const settings: any = undefined;\nexport default { port: settings.port };\n', 'ERR_CONFIG_LOAD', (file) => [
      `${file}:2 threw while it was loaded: Cannot read properties of undefined (reading 'port')`, '    1 | const settings: any = undefined;', '  > 2 | export default { port: settings.port };', '    3 |',
    ].join('\n')],
    ['has the line of a function that threw', 's4.mjs', "export default () => {\n  throw new Error('no PORT');\n};\n", 'ERR_CONFIG_LOAD', (file) => [
      `${file}:2 threw while it was loaded: no PORT`, '    1 | export default () => {', "  > 2 |   throw new Error('no PORT');", '    3 | };',
    ].join('\n')],
    ['has what was thrown when that is no error', 's5.ts', "throw 'up';", 'ERR_CONFIG_LOAD', (file) => `${file} threw while it was loaded: "up"`],
    ['has the import that is missing, of a file', 's6.ts', "import './nowhere.ts';\nexport default {};", 'ERR_CONFIG_LOAD', (file) => `cannot find './nowhere.ts', imported by ${file}`],
    ['has the import that is missing, of a package', 's7.ts', "import x from '@acme/none/sub';\nexport default x;", 'ERR_CONFIG_LOAD', (file) => `cannot find '@acme/none/sub', imported by ${file}`],
    ['has the plugin that is missing', 's8.ts', "import x from '@steelyard/plugins/round-robbin';\nexport default x;", 'ERR_CONFIG_LOAD', (file) => `cannot find '@steelyard/plugins/round-robbin', imported by ${file}`],
    ['says that there is no default export', 's9.ts', 'export const config = {};', 'ERR_CONFIG_LOAD', (file) => `${file} has no default export (it exports config only): write \`export default defineConfig({ ... })\``],
    ['says which names are configs', 's10.yaml', 'a: 1', 'ERR_CONFIG_LOAD', (file) => `${file} is no config file: its name must end in .ts, .js, .mjs, .json`],
  ])('%s', async (_rule, name, text, code, message) => {
    const file = put(name, text);
    await expect(load(file)).rejects.toMatchObject({ code, message: message(file), files: expect.arrayContaining([file]) as unknown });
  });

  it('says what to install, or what was meant', async () => {
    await expect(load(join(folder, 's7.ts'))).rejects.toMatchObject({ hint: 'npm install @acme/none' });
    await expect(load(join(folder, 's8.ts'))).rejects.toMatchObject({ hint: "did you mean '@steelyard/plugins/round-robin'?" });
  });

  it('is not found by a code of its own', async () => {
    await expect(load(join(folder, 'none.ts'))).rejects.toMatchObject({ code: 'ERR_CONFIG_NOT_FOUND', message: `there is no config file ${join(folder, 'none.ts')}` });
  });

  it('lists what it had imported, so that mending that is heard of', async () => {
    const part = put('part.ts', 'export const port = 700000;');
    const file = put('whole.ts', "import { port } from './part.ts';\nexport default { listeners: [{ port }], pools: {} };");
    await expect(load(file)).rejects.toMatchObject({ code: 'ERR_CONFIG', files: [file, part] });
  });

  it('tells the faults of a plugin that a name leads to', async () => {
    put('no-plugin.ts', 'export default 5;');
    put('throws.ts', "throw new Error('broken inside');");
    const config = (use: string): string => put('named.json', JSON.stringify({ listeners: [{ port: 0 }], pools: { web: { backends: [], strategy: { use } } } }));
    await expect(load(config('./no-plugin.ts'))).rejects.toThrow('pools.web.strategy.use is "./no-plugin.ts", but the default export of ./no-plugin.ts is no plugin (it must be what defineStrategy or another factory of @steelyard/sdk gave)');
    await expect(load(config('./throws.ts'))).rejects.toThrow('pools.web.strategy.use is "./throws.ts", but ./throws.ts cannot be loaded: broken inside');
    await expect(load(config('./none.ts'))).rejects.toThrow(`pools.web.strategy.use names the plugin "./none.ts", which is not there: tried ./none.ts from ${folder} (is the path right, from the folder of the config and with its extension?)`);
  });
});
