/** A reload seldom comes alone: what an instance adopts is from other members than its own. */
import { describeError } from '../../errors.ts';
import type { FakeBackend } from '../backends.ts';
import { strategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { Break } from './rule.ts';
import type { Subject } from './rule.ts';

const MEMBERS = 6;
/** Places in the circle at which the snapshot is taken: the last of them is none of the shorter list's. */
const PICKS_BEFORE = [1, 2, 3, 4, 5, 6, 40];
const PICKS_AFTER = 20;

/** @throws Break when an instance that was told of other members cannot do with the snapshot of one that had more, fewer, or others */
export function checkOtherMembers(subject: Subject): void {
  const changes: [string, (before: FakeBackend[], fresh: FakeBackend[]) => FakeBackend[]][] = [
    ['only the first of them', (before) => before.slice(0, 1)],
    ['the last two of them', (before) => before.slice(-2)],
    ['one more', (before, fresh) => [fresh[0]!, ...before]],
    ['two others', (_before, fresh) => fresh],
    ['none', () => []],
  ];
  for (const [what, change] of changes) {
    for (const picks of PICKS_BEFORE) {
      const w = world(subject);
      const strategy = strategyUnderTest(subject.use, w);
      const backends = w.backends(MEMBERS);
      strategy.update(backends);
      for (let pick = 0; pick < picks; pick++) strategy.pick(w.exchange({ clientAddress: `192.0.2.${pick}` }))?.end();
      const after = change(backends, w.backends(2));
      let seen = '';
      try {
        const next = strategy.reload(subject.use, after);
        for (let pick = 0; pick < PICKS_AFTER && seen === ''; pick++) {
          const picked = next.select(w.exchange({ clientAddress: `192.0.2.${pick}` }));
          if (picked === undefined && after.length > 0) seen = 'it picked nothing';
          else if (picked && !after.some((backend) => backend === picked)) seen = `it picked ${picked.address}, which is no member`;
        }
      } catch (thrown) {
        seen = `it threw ${describeError(thrown)}`;
      }
      if (seen === '') continue;
      throw new Break({
        seen: `${seen} after a reload with other members`,
        sample: `${MEMBERS} backends, ${picks} picks, then a reload that brings ${what}; create, update, adopt, and up to ${PICKS_AFTER} picks`,
        probably: 'adopt comes after update, and its snapshot is of other members: a place beyond the end, or a list of members that is old. Adopt a place modulo the members there are now',
      });
    }
  }
}
