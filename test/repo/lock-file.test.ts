import { describe, expect, it } from 'vitest';
import { PACKAGES, read } from './repository.ts';

interface Entry {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}
const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

/** What a package.json, or its entry in the lock file, asks for; optional ones too: without their entry another platform lacks its binary. */
function asksFor(manifest: Entry): [name: string, range: string][] {
  const isOptionalPeer = (name: string): boolean => manifest.peerDependenciesMeta?.[name]?.optional === true;
  return KINDS.flatMap((kind) => Object.entries(manifest[kind] ?? {}).filter(([name]) => kind !== 'peerDependencies' || !isOptionalPeer(name)));
}

/** As Node looks a package up: in the `node_modules` of every folder above. */
function find(packages: Readonly<Record<string, Entry>>, from: string, name: string): Entry | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const entry = packages[`${folder}${folder === '' ? '' : '/'}node_modules/${name}`];
    if (entry !== undefined || folder === '') return entry;
  }
}

function faultsOf(packages: Readonly<Record<string, Entry>>, allowedScripts: readonly string[]): string[] {
  return Object.entries(packages).flatMap(([path, entry]) => {
    const faults = asksFor(entry).filter(([name]) => find(packages, path, name) === undefined).map(([name]) => `${path} asks for ${name}, which is not locked`);
    if (!path.includes('node_modules/')) return faults;
    if (entry.link === true) return PACKAGES.some((folder) => folder === entry.resolved) ? faults : [`${path} is a link to ${entry.resolved}`];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!/^sha512-[\w+/]{86}==$/.test(entry.integrity ?? '')) faults.push(`${path} has no SHA-512 of what is to be installed`);
    if (entry.resolved !== undefined) faults.push(`${path} comes from ${entry.resolved}, not from the registry that is set`);
    if (entry.hasInstallScript === true && !allowedScripts.includes(name)) faults.push(`${path} runs a script when it is installed`);
    return faults;
  });
}

const lock = JSON.parse(read('package-lock.json')) as { lockfileVersion: number; packages: Record<string, Entry> };
const root = JSON.parse(read('package.json')) as Entry & { allowScripts: Record<string, boolean> };
const scripts = Object.keys(root.allowScripts).filter((name) => root.allowScripts[name]);

describe('the lock file', () => {
  it('holds every package that is asked for, with the hash of its contents, from whatever registry is set', () => {
    expect(faultsOf(lock.packages, scripts)).toEqual([]);
    expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
  });

  it('allows one install script alone: the one that brings the pinned Node', () => {
    expect(scripts).toEqual(['node']);
    expect(Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual(['node_modules/node']);
  });

  it.each(['', ...PACKAGES])('is in step with package.json of "%s"', (folder) => {
    const manifest = JSON.parse(read(folder === '' ? 'package.json' : `${folder}/package.json`)) as Entry;
    const locked = lock.packages[folder]!;
    for (const kind of KINDS) expect(locked[kind], kind).toEqual(manifest[kind]);
    expect(locked.peerDependenciesMeta).toEqual(manifest.peerDependenciesMeta);
    expect(locked.version).toBe(manifest.version);
    // One exact version of each: what is installed changes with a commit only. Peers are the user's.
    const exact = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies });
    for (const [name, version] of exact) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      const entry = find(lock.packages, folder, name)!;
      expect(entry.link === true || entry.version === version, `${name} ${version}`).toBe(true);
    }
  });

  it('would be refused for a package from elsewhere, without a hash, with a script, or one that is missing', () => {
    const integrity = `sha512-${'A'.repeat(86)}==`;
    expect(
      faultsOf(
        {
          '': { dependencies: { a: '1.0.0' }, optionalDependencies: { 'a-linux': '1.0.0' } },
          'node_modules/a': { integrity, dependencies: { b: '^1.0.0' } }, 'node_modules/a/node_modules/b': { integrity, resolved: 'git+ssh://git@example.org/b.git' },
          'node_modules/c': { integrity: 'sha1-AAAA' }, 'node_modules/d': { integrity, hasInstallScript: true }, 'node_modules/node': { integrity, hasInstallScript: true },
          'node_modules/e': { link: true, resolved: '../e' },
        },
        ['node'],
      ),
    ).toEqual([
      ' asks for a-linux, which is not locked', 'node_modules/a/node_modules/b comes from git+ssh://git@example.org/b.git, not from the registry that is set',
      'node_modules/c has no SHA-512 of what is to be installed', 'node_modules/d runs a script when it is installed', 'node_modules/e is a link to ../e',
    ]);
  });
});
