/** Facts of backends that a plugin wrote to. A test may set them, so the fakes cannot refuse it; the backends of the core throw. */
import type { Backend, Member } from '../../model.ts';

/** What has setters in a fake alone. */
const FACTS = ['weight', 'labels', 'zone', 'priority', 'maxInFlight', 'health', 'draining', 'inFlight'] as const satisfies readonly (keyof Backend)[];

/** A fact was written to. */
export class WriteSeen extends Error {}

export type Facts = readonly Backend[(typeof FACTS)[number]][];

/** Facts of all of them, one after the other. */
export function factsOf(members: readonly Member[]): Facts {
  const facts: Backend[(typeof FACTS)[number]][] = [];
  for (const { backend } of members) for (const fact of FACTS) facts.push(backend[fact]);
  return facts;
}

/**
 * @param call the function of the strategy that ran meanwhile
 * @throws WriteSeen when a fact of one of these members is another than it was; their leases open and end in `onStart` and `onEnd`, so `inFlight` does
 */
export function refuseWrites(call: string, members: readonly Member[], before: Facts): void {
  const countsLeases = call === 'onStart' || call === 'onEnd';
  let at = 0;
  for (const { backend } of members) {
    for (const fact of FACTS) {
      if (backend[fact] === before[at++] || (countsLeases && fact === 'inFlight')) continue;
      throw new WriteSeen(`${call} set ${fact} of ${backend.address} to ${JSON.stringify(backend[fact])}`);
    }
  }
}
