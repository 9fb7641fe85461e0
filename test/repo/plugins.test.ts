import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { isUse } from '@steelyard/sdk';
import { importsOf, isThere, manifestOf, packageOf, pluginFolders, read, sourcesOf } from './repository.ts';

const optionalPeers = Object.entries(manifestOf('plugins').peerDependenciesMeta ?? {}).flatMap(([name, { optional }]) => (optional === true ? [name] : []));

describe.each(pluginFolders())('plugins/%s', (folder) => {
  const files = sourcesOf('plugins').filter((file) => file.startsWith(`plugins/${folder}/`));
  const imports = files.flatMap((file) => importsOf(read(file)).map((specifier) => ({ file, specifier })));

  it('has an index.ts, a README.md that begins with its name, and a test', () => {
    expect(files).toContain(`plugins/${folder}/index.ts`);
    expect(read(`plugins/${folder}/README.md`).split('\n')[0]).toBe(`# ${folder}`);
    expect(isThere(`test/plugins/${folder}.test.ts`)).toBe(true);
  });

  it('is named as its folder', async () => {
    const module = (await import(`@steelyard/plugins/${folder}`)) as { default?: { definition?: { name: string } } };
    expect(module.default?.definition?.name).toBe(folder);
    expect(isUse((module.default as unknown as (options: object) => unknown)({}))).toBe(true);
  });

  it('says in one sentence what it is, for `steelyard plugins`', async () => {
    const module = (await import(`@steelyard/plugins/${folder}`)) as { default: { definition: { description?: string } } };
    expect(module.default.definition.description).toMatch(/^\S.{10,120}[^.\s]$/);
  });

  it('documents each of its options', async () => {
    const module = (await import(`@steelyard/plugins/${folder}`)) as { default: { definition: { options: object } } };
    const text = read(`plugins/${folder}/README.md`);
    expect(Object.keys(module.default.definition.options).filter((option) => !text.includes(`\`${option}\``))).toEqual([]);
  });

  it('is listed in README.md', () => {
    expect(read('README.md')).toMatch(new RegExp(`\\(plugins/${folder}/?(README\\.md)?\\)|\`${folder}\``));
  });

  it('is a model to copy: its own files, the SDK, Node, and one optional library at most', () => {
    const away = imports.filter(({ file, specifier }) => specifier.startsWith('.') && !join(dirname(file), specifier).startsWith(`plugins/${folder}/`));
    expect(away).toEqual([]);
    const libraries = new Set(imports.map(({ specifier }) => packageOf(specifier)).filter((name) => !/^(\.|\.\.|node:.*|@steelyard\/sdk)$/.test(name)));
    expect(libraries.size).toBeLessThanOrEqual(1);
    expect([...libraries].filter((name) => !optionalPeers.includes(name))).toEqual([]);
    // Whoever does not have the library is told how to get it.
    const text = files.map(read).join('\n');
    for (const name of libraries) expect(text).toContain(`npm install ${name}`);
  });

  it('takes time and chance from its host alone', () => {
    const forbidden = /\bDate\.now\b|\bMath\.random\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b/;
    expect(files.filter((file) => forbidden.test(read(file)))).toEqual([]);
  });
});
