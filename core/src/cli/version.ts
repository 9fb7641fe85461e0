import { readFileSync } from 'node:fs';

/** Of `@steelyard/core`, read from its package: the same place from `src` and from `dist`. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
