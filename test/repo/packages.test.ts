import { dirname, join } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { importsOf, isThere, manifestOf, PACKAGES, packageOf, read, sourcesOf } from './repository.ts';
import type { PackageFolder } from './repository.ts';

/** DESIGN §2: `sdk ← core`, `sdk ← plugins`, never core ↔ plugins. */
const MAY_IMPORT: Record<PackageFolder, readonly string[]> = {
  sdk: [],
  core: ['@steelyard/sdk', 'tapable', 'jiti', 'ajv', 'pino', 'pino-pretty'],
  plugins: ['@steelyard/sdk', ...Object.keys(manifestOf('plugins').peerDependencies ?? {})],
};

/** Each import as `file -> specifier`, which is what a failing test should show. */
function importsIn(folder: PackageFolder): { file: string; specifier: string }[] {
  return sourcesOf(folder).flatMap((file) => importsOf(read(file)).map((specifier) => ({ file, specifier })));
}
const shown = ({ file, specifier }: { file: string; specifier: string }): string => `${file} -> ${specifier}`;

describe('reading imports', () => {
  it('finds every form of them, and none in a comment or a template', () => {
    const source = [
      "import a from 'a';", "import type { B,\n  C } from '@b/c/d';", "import './e.ts';", "export * from 'f';", "export { g } from 'g/h.js';",
      "const i = await import('i');", "let j: typeof import('j');", " * import k from 'k';", "// import l from 'l';", " *   await import('m')", "const n = 'from';", "const o = `\nimport p from 'p';\n`;",
    ].join('\n');
    expect(importsOf(source)).toEqual(['a', '@b/c/d', './e.ts', 'f', 'g/h.js', 'i', 'j']);
    expect(importsOf(source).map(packageOf).slice(0, 5)).toEqual(['a', '@b/c', '.', 'f', 'g']);
  });
});

describe.each(PACKAGES)('%s', (folder) => {
  const imports = importsIn(folder);
  const foreign = imports.filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'));

  it('is read at all', () => {
    expect(imports.length).toBeGreaterThan(3);
  });

  it('imports only the packages that the design allows it', () => {
    expect(foreign.filter(({ specifier }) => !MAY_IMPORT[folder].includes(packageOf(specifier))).map(shown)).toEqual([]);
  });

  it('declares what it imports, and imports what it declares', () => {
    const { dependencies = {}, peerDependencies = {} } = manifestOf(folder);
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    expect(foreign.filter(({ specifier }) => !declared.includes(packageOf(specifier))).map(shown)).toEqual([]);
    // pino loads pino-pretty by its name in a string.
    const text = sourcesOf(folder).map(read).join('\n');
    expect(declared.filter((name) => !text.includes(`'${name}'`) && !text.includes(`'${name}/`))).toEqual([]);
  });

  it('reaches its own files by relative paths with their extension, and no other package’s', () => {
    const relative = imports.filter(({ specifier }) => specifier.startsWith('.'));
    const top = folder === 'plugins' ? 'plugins/' : `${folder}/src/`;
    expect(relative.filter(({ file, specifier }) => !specifier.endsWith('.ts') || !join(dirname(file), specifier).startsWith(top)).map(shown)).toEqual([]);
  });

  it('has no source file over 300 lines', () => {
    const lines = sourcesOf(folder).map((file) => ({ file, lines: read(file).split('\n').length - 1 }));
    expect(lines.filter((one) => one.lines > 300)).toEqual([]);
  });

  it('exports its sources: no aborted pack left a rewritten package.json behind', () => {
    const { exports, scripts = {} } = manifestOf(folder);
    for (const target of Object.values(exports)) expect(target).toMatch(/^\.\/(src\/[\w/-]+|\*\/index)\.ts$/);
    expect(isThere(`${folder}/package.json.unpacked`)).toBe(false);
    expect(scripts).toMatchObject({ prepack: 'node ../test/repo/prepack.ts', postpack: 'node ../test/repo/prepack.ts restore' });
  });
});

describe('versions', () => {
  it('are one for all three packages, and named where they depend on each other', () => {
    const manifests = PACKAGES.map(manifestOf);
    const [version] = new Set(manifests.map((manifest) => manifest.version));
    expect(manifests.map((manifest) => manifest.version)).toEqual([version, version, version]);
    for (const { dependencies = {} } of manifests) expect(dependencies['@steelyard/sdk'] ?? version).toBe(version);
  });

  it('have a section in CHANGELOG.md', () => {
    const sections = [...read('CHANGELOG.md').matchAll(/^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})$/gm)].map((match) => match[1]);
    expect(sections[0]).toBe(manifestOf('sdk').version);
  });
});
