import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '@steelyard/sdk';
import { PACKAGES, read, sourcesOf } from './repository.ts';

const codes = Object.keys(ERROR_CODES).sort();

describe('error codes', () => {
  it('are in README.md, each in a row with what it means', () => {
    const rows = new Map([...read('README.md').matchAll(/^\| `(ERR_\w+)` \| (.+?) \|/gm)].map((match) => [match[1]!, match[2]!.replaceAll('`', '')]));
    const missing = Object.entries(ERROR_CODES).filter(([code, meaning]) => rows.get(code) !== meaning.replaceAll('`', ''));
    expect(missing.map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)).toEqual([]);
  });

  it('are no more in README.md than there are', () => {
    const named = new Set(read('README.md').match(/\bERR_[A-Z_]+\b/g));
    expect([...named].filter((code) => !codes.includes(code))).toEqual([]);
  });

  it('are each used in the sources: a code that nobody gives is dead', () => {
    const sources = PACKAGES.flatMap(sourcesOf).filter((file) => file !== 'sdk/src/errors.ts');
    const used = new Set(sources.flatMap((file) => read(file).match(/'ERR_[A-Z_]+'/g) ?? []).map((quoted) => quoted.slice(1, -1)));
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
  });

  it('are ours where a source compares or gives one', () => {
    // Node's own begin the same way.
    const ofNode = /^ERR_(STREAM|SOCKET|SERVER|INVALID|MODULE|HTTP|TLS|SSL|IPC|WORKER|UNSUPPORTED|PACKAGE|BUFFER|OUT_OF|UNKNOWN|IMPORT|REQUIRE)_/;
    const foreign = PACKAGES.flatMap(sourcesOf).flatMap((file) => [...read(file).matchAll(/'(ERR_[A-Z_]+)'/g)].map((match) => ({ file, code: match[1]! })));
    expect(foreign.filter(({ code }) => !codes.includes(code) && !ofNode.test(code))).toEqual([]);
  });
});
