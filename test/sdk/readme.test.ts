/** The page for authors of strategies, done as it says: its files are copied out, and run by the runner of Node. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'steelyard-readme-'));

beforeAll(() => {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const page of ['README.md', 'sdk/README.md']) {
    for (const [, name, code] of readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n\/\/ ([\w-]+(?:\.test)?\.ts)\n(.*?)^```$/gms)) writeFileSync(join(folder, name!), code!);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The output of the runner, whether its tests pass or not. */
async function run(file: string): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|NODE_TEST_|VITEST)/.test(name)));
  const running = promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { cwd: folder, env });
  return await running.then(({ stdout }) => stdout, ({ stdout }: { stdout: string }) => stdout);
}

it.each([['most-room.test.ts', 11], ['most-room-in-a-world.test.ts', 1], ['fewest-letters.test.ts', 11]])('the test %s passes under the runner of Node', async (file, tests) => {
  const output = await run(file);
  expect(output).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(output)?.[1])).toBeGreaterThanOrEqual(tests);
});

it('the message that the page shows is the one that its author gets', async () => {
  const source = readFileSync(join(folder, 'most-room.test.ts'), 'utf8');
  writeFileSync(join(folder, 'declared.test.ts'), source.replace(', { test }', ', { test, properties: { weighted: true } }'));
  const shown = /^```text\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, 'sdk/README.md'), 'utf8'))![1]!;
  const output = await run('declared.test.ts');
  expect(output).toMatch(/^# fail 1$/m);
  for (const line of shown.trim().split('\n')) expect(output).toContain(line.trim());
});

it('the page names every function of a strategy', () => {
  const page = readFileSync(join(ROOT, 'sdk/README.md'), 'utf8');
  const [, body] = /^export interface StrategyInstance[^{]*\{\n(.*?)^\}$/ms.exec(readFileSync(join(ROOT, 'sdk/src/define.ts'), 'utf8'))!;
  const functions = [...body!.matchAll(/^ {2}(\w+)\??: \(/gm)].map(([, name]) => name!);
  expect(functions.length).toBeGreaterThanOrEqual(8);
  expect(functions.filter((name) => !new RegExp(`^\\| .*\`${name}\\(`, 'm').test(page))).toEqual([]);
});

it('the page names every rule, and every property', async () => {
  const page = readFileSync(join(ROOT, 'sdk/README.md'), 'utf8');
  const { CONTRACT } = await import('../../sdk/src/testkit/contract/rules.ts');
  expect(CONTRACT.map(({ id }) => id).filter((id) => !page.includes(`\`${id}\``))).toEqual([]);
  const properties = [...readFileSync(join(ROOT, 'sdk/src/testkit/contract/suite.ts'), 'utf8').split('export interface StrategySuite')[0]!.matchAll(/^ {2}(\w+)\?: (?:boolean|number)/gm)].map(([, name]) => name!);
  expect(properties.length).toBeGreaterThanOrEqual(8);
  expect(properties.filter((name) => !new RegExp(`^\\| \`${name}\\b`, 'm').test(page))).toEqual([]);
});
