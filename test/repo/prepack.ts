/**
 * What `npm pack` and `npm publish` run before and after they read a package. In the repository the packages export their TypeScript,
 * so that nothing is built to run or test them; Node strips no types under node_modules, so what is published exports JavaScript.
 * `prepack`: builds `dist/` and rewrites package.json; `restore` puts package.json back. Runs in the folder of the package.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Beside package.json while a pack runs. Not packed, since `files` does not list it. */
const ASIDE = 'package.json.unpacked';

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  files: string[];
  scripts?: unknown;
}

/** The repository has them once, npm shows them for each package. One that a package has of its own stays as it is. */
const pages = ['LICENSE', 'README.md'].filter((page) => existsSync(`../${page}`) && !(existsSync(page) && readFileSync(page, 'utf8') !== readFileSync(`../${page}`, 'utf8')));

if (process.argv[2] === 'restore') restore();
else prepack();

function prepack(): void {
  // Of an aborted pack: what is aside is the original.
  if (existsSync(ASIDE)) restore();
  build();
  copyFileSync('package.json', ASIDE);
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  for (const [subpath, source] of Object.entries(manifest.exports)) {
    if (typeof source !== 'string') throw new Error(`exports["${subpath}"] was rewritten already: take package.json from git`);
    const built = source.replace(/^\.\/(src\/)?/, './dist/').replace(/\.ts$/, '');
    manifest.exports[subpath] = { types: `${built}.d.ts`, default: `${built}.js` };
  }
  // They name files of the repository.
  delete manifest.scripts;
  writeFileSync('package.json', `${JSON.stringify(manifest, null, 2)}\n`);
  for (const page of pages) copyFileSync(`../${page}`, page);
}

function build(): void {
  rmSync('dist', { recursive: true, force: true });
  const compiler = join(createRequire(join(process.cwd(), 'package.json')).resolve('typescript/package.json'), '../bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  // The compiler has said why.
  if (status !== 0) process.exit(1);
}

function restore(): void {
  if (existsSync(ASIDE)) renameSync(ASIDE, 'package.json');
  for (const page of pages) rmSync(page, { force: true });
}
