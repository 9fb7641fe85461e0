import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pluginFolders, read, ROOT, sourcesOf } from './repository.ts';

interface Example {
  /** Where a reader finds it: `sdk/src/define.ts:170`. */
  origin: string;
  code: string;
  /** Its place in the temporary folder. */
  file: string;
}

/** `@example` blocks of the SDK. They name what the SDK exports without importing it, as editors show them. */
function sdkExamples(): Example[] {
  return sourcesOf('sdk').flatMap((source) => {
    const text = read(source);
    return [...text.matchAll(/^[ ]*\* @example\b[^\n]*\n((?:[ ]*\*(?!\/| @)[^\n]*\n)*)/gm)].map((match) => {
      const line = text.slice(0, match.index).split('\n').length + 1;
      const code = match[1]!.replaceAll(/^[ ]*\* ?/gm, '').replaceAll(/^```\w*$/gm, '');
      return { origin: `${source}:${line}`, code: withImports(code), file: `${source.replaceAll(/[/.]/g, '-')}-${line}.ts` };
    });
  });
}

/** Imports what the code uses of the SDK, its test kit and our plugins, and does not import itself. */
function withImports(code: string): string {
  const imports = pluginFolders().map((folder) => ({ name: camelCase(folder), line: `import ${camelCase(folder)} from '@steelyard/plugins/${folder}';\n` }));
  for (const [entry, specifier] of [['sdk/src/index.ts', '@steelyard/sdk'], ['sdk/src/testkit/index.ts', '@steelyard/sdk/testkit']] as const) {
    for (const [, type = '', names = ''] of read(entry).matchAll(/^export ((?:type )?)\{([^}]*)\}/gm)) {
      for (const name of names.split(',').map((one) => one.trim())) imports.push({ name, line: `import ${type}{ ${name} } from '${specifier}';\n` });
    }
  }
  const isNeeded = (name: string): boolean =>
    name !== '' && new RegExp(`(?<!(?<!\\.\\.)\\.|\\w)${name}\\b(?!:)`).test(code) && !new RegExp(`(import[^;]*|const|let|function|class) ${name}\\b`).test(code);
  return `${imports.flatMap(({ name, line }) => (isNeeded(name) ? [line] : [])).join('')}${code}\nexport {};\n`;
}

function camelCase(folder: string): string {
  return folder.replaceAll(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase());
}

/** TypeScript blocks of a page. Each is a module; a first line `// path.ts` gives its name, so that blocks may import each other. */
function pageExamples(page: string): Example[] {
  const text = read(page);
  const taken = new Set<string>();
  return [...text.matchAll(/^( *)```(?:ts|typescript)\n(.*?)^\1```$/gms)].map((match, i) => {
    const code = match[2]!.replaceAll(new RegExp(`^${match[1]}`, 'gm'), '');
    const named = /^\/\/ (?:\.\/)?([\w./-]+\.ts)\b/.exec(code)?.[1];
    const name = named === undefined || taken.has(named) ? `block-${i + 1}.ts` : named;
    taken.add(name);
    const line = text.slice(0, match.index).split('\n').length + 1;
    return { origin: `${page}:${line}`, code: `${code}\nexport {};\n`, file: join(page.replaceAll(/[/.]/g, '-'), name) };
  });
}

const folder = mkdtempSync(join(tmpdir(), 'steelyard-examples-'));
const pages = ['README.md', 'sdk/README.md', ...pluginFolders().map((name) => `plugins/${name}/README.md`)];
let examples: Example[] = [];
let output = '';

beforeAll(async () => {
  examples = [...sdkExamples(), ...pages.flatMap(pageExamples)];
  // Node and the compiler find packages in the folders above: this link stands for the repository.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const options = { noUnusedLocals: false, rewriteRelativeImportExtensions: false };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: options, include: ['**/*.ts'], exclude: ['node_modules'] }));
  for (const { file, code } of examples) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), code);
  }
  const compile = promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder, '--pretty', 'false'], { cwd: folder });
  output = await compile.then(({ stdout }) => stdout, (failed: { stdout: string; stderr: string }) => failed.stdout + failed.stderr);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('examples', () => {
  it('are there: in the SDK beside what they show, in README.md and in each plugin’s', () => {
    for (const place of ['sdk/src/define.ts', 'sdk/src/config.ts', ...pages]) {
      expect(examples.filter(({ origin }) => origin.startsWith(`${place}:`)), place).not.toEqual([]);
    }
  });

  it('compile', () => {
    // Faults in the sources themselves are the type check's business, not this test's.
    const faults = output.split('\n').filter((line) => /^[^\s(]+\(\d+,\d+\): error/.test(line) && !line.startsWith('..'));
    const addressed = faults.map((fault) => {
      const [, file = '', at = ''] = /^([^(]+)\((\d+)/.exec(fault) ?? [];
      const example = examples.find((one) => one.file === file);
      return `${example?.origin ?? '?'}: ${fault}\n    ${example?.code.split('\n')[Number(at) - 1] ?? ''}`;
    });
    expect(addressed).toEqual([]);
    // The compiler did run.
    expect(output.replaceAll(/^\S+\(\d+,\d+\): error.*$|^ .*$/gm, '').trim()).toBe('');
  });
});
