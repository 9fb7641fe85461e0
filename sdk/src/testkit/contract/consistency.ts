/** Declared property of hashes: a key stays with its backend, and a change moves no more keys than it has to. The pool is idle. */
import type { Backend, Exchange } from '../../model.ts';
import type { FakeBackend } from '../backends.ts';
import type { FakeExchangeSpec } from '../exchange.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { MemberLike, StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { Break } from './rule.ts';
import type { Rule, Subject } from './rule.ts';

/**
 * How far keys stay.
 * @example
 * import type { Consistency } from '@steelyard/sdk/testkit';
 * const bySession: Consistency = { exchangeOf: (key) => ({ headers: { cookie: `session=${key}` } }) };
 */
export interface Consistency {
  /** An exchange with this key; another for each number, which is 0 to 2^32 - 1. Default: other addresses, hosts and targets. */
  exchangeOf?: (key: number) => FakeExchangeSpec;
  /** Share of all keys that may move beside those that must, when a member comes, goes or changes weight. 0 to 1; default 0, which rings and rendezvous keep. */
  maxMoved?: number;
}

const KEYS = 2_000;
/** A usual size first: what is wrong shows more clearly there than in a pool of two. */
const SIZES = [10, 2, 3, 50];
/**
 * Shares are asked of pools up to this size. A backend of ten has 200 keys of 2,000, give or take 13 by chance and 16 by a ring of 160 points: twice as many,
 * or a third, are six of those away and more.
 */
const MOST_SHARED = 10;

export function consistent(consistency: Consistency): Rule {
  return {
    id: 'consistent', says: 'a key stays with its backend; only those move whose backend came, went or is unavailable',
    check: (subject) => {
      for (const size of SIZES) checkSize(subject, size, consistency);
    },
  };
}

/** The backend of each key. */
type Homes = readonly (Backend | undefined)[];

function checkSize(subject: Subject, size: number, { exchangeOf = differing, maxMoved = 0 }: Consistency): void {
  const w = world(subject);
  const strategy = strategyUnderTest(subject.use, w);
  // Two on each host, and few ports: neither alone is a name.
  const backends = w.backends(Array.from({ length: size }, (_, i) => ({ url: `http://10.1.0.${(i >> 1) + 1}:${8_000 + (i & 1)}` })));
  const exchanges = Array.from({ length: KEYS }, (_, at) => w.exchange(exchangeOf((Math.imul(subject.seed, KEYS) + at) >>> 0)) as Exchange);
  const homesIn = (picker: StrategyUnderTest): Homes => exchanges.map((exchange) => picker.select(exchange));
  const homesOf = (members: readonly MemberLike[]): Homes => {
    strategy.update(members);
    return homesIn(strategy);
  };
  const sample = `${KEYS} keys, ${size} equal backends; idle`;
  const before = homesOf(backends);

  const mustStay = (what: string, after: Homes, probably: string) => {
    const moved = before.filter((home, key) => home !== after[key]).length;
    if (moved > 0) throw new Break({ seen: `${moved} of ${KEYS} keys have another backend ${what}`, sample, probably });
  };
  mustStay('in a second pick', homesIn(strategy), 'chance or load decides, not the key: hash what `exchangeOf` gives');
  mustStay('after an update that changes nothing', homesOf(backends), 'update starts anew from chance, a counter or a clock: places must follow from ids alone');
  mustStay('where the members are listed the other way round', homesOf(backends.toReversed()), 'places follow from the index in the list: take them from backend.id, and sort by it where order matters');
  mustStay('after a reload', homesIn(strategy.reload()), 'places depend on what one instance went through: every worker and every generation has to come to the same');
  checkShares(before, backends, sample);

  // Down or tried: a pick passes over it, and nobody else is touched, whatever `maxMoved` says.
  const victim = backends[size >> 1]!;
  const isHis = (home: Backend | undefined) => home === victim;
  victim.health = 'down';
  const without = homesIn(strategy);
  checkMoved(before, without, isHis, 0, `while ${victim.address} is down`, sample, 'the table is built from those that are available: build it from all members, and pass over who is unavailable in select');
  checkSpread(before, without, victim, size, sample);
  victim.health = 'up';
  mustStay('after one was down and is up again', homesIn(strategy), 'health changes leave something behind');

  const most = Math.floor(maxMoved * KEYS);
  const everything = 'places follow from the number of members (hash % n), or all are drawn anew';
  checkMoved(before, homesOf(backends.filter((backend) => backend !== victim)), isHis, most, `when ${victim.address} left`, sample, everything);
  mustStay('after one left and came back', homesOf(backends), 'places depend on what came before: they must follow from the members alone');
  const [newcomer] = w.backends(1) as [FakeBackend];
  const isNew = (_home: Backend | undefined, after: Backend | undefined) => after === newcomer;
  checkMoved(before, homesOf([newcomer, ...backends]), isNew, most, 'between others when one came', sample, everything);
  const heavier = backends.map((backend) => ({ backend, weight: backend === victim ? 2 : 1 }));
  const isGained = (_home: Backend | undefined, after: Backend | undefined) => after === victim;
  checkMoved(before, homesOf(heavier), isGained, most, `between others when the weight of ${victim.address} was doubled`, sample, 'places of one backend depend on the weights of others');
}

function differing(key: number): FakeExchangeSpec {
  const [high, low] = [(key >>> 16).toString(16), (key & 0xffff).toString(16)];
  return { clientAddress: `2001:db8::${high}:${low}`, target: `/item/${key}?id=${key}`, headers: { host: `host-${key}.example` } };
}

function checkMoved(before: Homes, after: Homes, mayMove: (home: Backend | undefined, after: Backend | undefined) => boolean, most: number, when: string, sample: string, probably: string): void {
  const moved = before.filter((home, key) => home !== after[key] && !mayMove(home, after[key])).length;
  if (moved <= most) return;
  throw new Break({ seen: `${moved} of ${KEYS} keys moved ${when}, though they did not have to${most > 0 ? `; ${most} may` : ''}`, sample, probably });
}

function checkShares(homes: Homes, backends: readonly FakeBackend[], sample: string): void {
  if (backends.length > MOST_SHARED) return;
  const share = KEYS / backends.length;
  for (const backend of backends) {
    const had = homes.filter((home) => home === backend).length;
    if (had >= share / 3 && had <= Math.min(2 * share, 0.9 * KEYS)) continue;
    throw new Break({ seen: `${backend.address} has ${had} of ${KEYS} keys; its share is ${Math.round(share)}`, sample, probably: 'a backend has too few places on the ring (100 or more are needed), or the hash does not mix: FNV-1a and CRC-32 put like keys near each other' });
  }
}

/** Of the keys that an unavailable backend has to leave, nobody gets more than half: with nine others each gets a ninth. */
function checkSpread(before: Homes, after: Homes, victim: FakeBackend, size: number, sample: string): void {
  if (size < MOST_SHARED) return;
  const moved = after.filter((_, key) => before[key] === victim);
  const counts = new Map<Backend | undefined, number>();
  for (const home of moved) counts.set(home, (counts.get(home) ?? 0) + 1);
  const [[heir, most]] = [...counts].toSorted((one, two) => two[1] - one[1]) as [[Backend | undefined, number]];
  if (most <= moved.length / 2) return;
  throw new Break({
    seen: `${most} of the ${moved.length} keys of ${victim.address} went to ${heir?.address ?? 'nobody'} while it is down`,
    sample, probably: 'one neighbour takes all that a failed backend had, and may fail as well: many places for each backend, or a second choice for each key',
  });
}
