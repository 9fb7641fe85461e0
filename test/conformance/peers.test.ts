/** nginx and HAProxy as a check of the table: where both differ from it, it says why it is right, and says so nowhere else. */
import { describe, expect, it } from 'vitest';
import { findProgram } from '../bench/rig/programs.ts';
import { programs } from '../e2e/support/programs.ts';
import type { Case } from './case.ts';
import { differencesInMeaning } from './judge.ts';
import { PEERS } from './peers/start.ts';
import type { Observation } from './play.ts';
import { Bench } from './run.ts';
import { TABLE, titleOf } from './table.ts';

/** What the notes were made with (Debian 12). Other versions may have come nearer to the table: then a note too many is no fault. */
const NOTED = { nginx: '1.22', haproxy: '2.6' };
/** HAProxy 2.6 takes these in some runs and refuses them in others. */
const UNSTEADY = ['row 19: a space before the colon', 'row 46: a bad trailer behind a good chunk'];

const { paths, missing } = programs(['nginx', 'haproxy']);

describe.skipIf(missing !== '')(`where nginx and HAProxy both differ${missing && ` (${missing})`}`, () => {
  it('the table says why it is right, and only there', async () => {
    const observed: Observation[][] = [];
    for (const { name, starter } of PEERS) {
      const bench = await Bench.start(starter(paths[name]));
      observed.push(await bench.run(TABLE).finally(() => bench.stop()));
    }
    const titles = (cases: readonly Case[]): string[] => cases.map(titleOf).filter((title) => !UNSTEADY.includes(title));
    const differing = titles(TABLE.filter((one, place) => observed.every((seen) => differencesInMeaning(one, seen[place]!).length > 0)));
    const noted = titles(TABLE.filter((one) => one.bothDiffer !== undefined));
    expect(differing.filter((title) => !noted.includes(title)), 'without a note').toEqual([]);
    const isAsNoted = findProgram('nginx', '-v')!.version.startsWith(NOTED.nginx) && findProgram('haproxy', '-v')!.version.startsWith(NOTED.haproxy);
    if (isAsNoted) expect(noted.filter((title) => !differing.includes(title)), 'with a stale note').toEqual([]);
  });

  it('the note names a section', () => {
    for (const { bothDiffer } of TABLE) if (bothDiffer !== undefined) expect(bothDiffer).toMatch(/^RFC \d{4} .*§\d.*\.$/);
    expect(TABLE.map(titleOf)).toEqual(expect.arrayContaining(UNSTEADY));
  });
});
