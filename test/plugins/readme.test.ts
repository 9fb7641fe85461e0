/** The page of each strategy says what a reader chooses by. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { strategyFolders } from './every-strategy.ts';

describe('the page of each strategy', () => {
  it.each(strategyFolders())('%s says for what it is not, what a pick and a backend cost, where it comes from, and what workers share', (name) => {
    const page = readFileSync(new URL(`../../plugins/${name}/README.md`, import.meta.url), 'utf8');
    expect(page).toMatch(new RegExp(`^# ${name}\n\n\\S`));
    expect(page).toMatch(/^- \*\*Not for\*\* |\bNot for |\bUseless where /m);
    expect(page).toMatch(/^- \*\*Cost\*\*: (?:.|\n {2})*\b(?:bytes|KiB|no state) per (?:backend|entry|point|unit of weight)/m);
    expect(page).toMatch(/^- \*\*Cost\*\*: (?:.|\n {2})*(?:\d ns|\d µs|what it costs inside|of the strategies)/m);
    expect(page).toMatch(/^- \*\*Source\*\*: \S/m);
    expect(page).toContain('\n## What each worker has for itself, and what all share\n');
  });
});
