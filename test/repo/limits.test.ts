import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LIMIT_NAMES } from '../../core/src/limits.ts';
import * as limits from '../../core/src/limits.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const rows = read('README.md').split('### Limits')[1]!.split('\n## ')[0]!.split('\n').filter((line) => line.startsWith('| `') && !line.startsWith('| `limit` |'));

it('every limit is in the README, in the order of its numbers, and no other', () => {
  expect(rows.map((row) => row.split('`')[1])).toEqual([...LIMIT_NAMES]);
});

it('every limit is called by its number as it is named', () => {
  const numbers = Object.entries(limits).filter(([name, value]) => typeof value === 'number' && name !== 'NO_LIMIT');
  expect(numbers.sort(([, a], [, b]) => (a as number) - (b as number)).map(([name]) => name.toLowerCase())).toEqual([...LIMIT_NAMES]);
});

it('every option that the README names for a limit is one of the config', () => {
  const config = read('sdk/src/config.ts');
  const named = rows.flatMap((row) => [...row.split('|')[2]!.matchAll(/`(?:limits\.|timeouts\.)?(\w+)`/g)].map(([, option]) => option!)).filter((name) => /^(max|min|\w+Ms$)/.test(name));
  expect(named.length).toBeGreaterThan(20);
  for (const option of named) expect(config).toContain(`  ${option}?: number`);
});
