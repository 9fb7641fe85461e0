import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLoader } from '../../core/src/config/module-loader.ts';
import { transpiledFolder } from '../../core/src/config/transpiled.ts';

let parent: string;
beforeEach(() => void (parent = mkdtempSync(join(tmpdir(), 'transpiled-'))));
afterEach(() => rmSync(parent, { recursive: true }));
const own = (): string => join(parent, `steelyard-${process.geteuid!()}`);

describe('what was transpiled of a config', () => {
  it('is kept in a folder that nobody else may read, write or enter', () => {
    expect(transpiledFolder(parent)).toBe(own());
    expect(statSync(own()).mode & 0o777).toBe(0o700);
    expect(transpiledFolder(parent)).toBe(own());
  });

  it.each<[string, () => void]>([
    ['others may read', () => (mkdirSync(own()), chmodSync(own(), 0o755))],
    ['others may write', () => (mkdirSync(own()), chmodSync(own(), 0o722))],
    ['is a symbolic link', () => (mkdirSync(join(parent, 'elsewhere'), { mode: 0o700 }), symlinkSync(join(parent, 'elsewhere'), own()))],
    ['is a file', () => writeFileSync(own(), '', { mode: 0o600 })],
    ['cannot be made', () => rmSync(parent, { recursive: true })],
  ])('is not kept in one that %s', (_what, prepare) => {
    prepare();
    expect(transpiledFolder(parent)).toBe(false);
    mkdirSync(parent, { recursive: true });
  });

  it('leaves no copy of a config beside it, or where everybody reads', async () => {
    mkdirSync(join(parent, 'node_modules'));
    const name = `secret-${process.pid}-${Date.now()}`;
    writeFileSync(join(parent, `${name}.ts`), 'export default { key: "hunter2" as string };\n');
    expect(await createLoader(parent).importModule(join(parent, `${name}.ts`))).toMatchObject({ default: { key: 'hunter2' } });
    expect(readdirSync(join(parent, 'node_modules'))).toEqual([]);
    const copies = readdirSync(tmpdir(), { withFileTypes: true }).filter((entry) => entry.name === 'jiti').flatMap(() => readdirSync(join(tmpdir(), 'jiti')));
    expect(copies.filter((copy) => copy.includes(name))).toEqual([]);
  });
});
