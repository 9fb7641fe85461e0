/** What a strategy counts of leases is given back when they end, however they end. */
import type { Exchange, Outcome } from '../../model.ts';
import type { FakeBackend } from '../backends.ts';
import { answered } from '../leases.ts';
import type { FakeLease } from '../leases.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import type { World } from '../world.ts';
import { Break } from './rule.ts';
import type { Rule, Subject } from './rule.ts';
import { OUTCOMES } from './scenario.ts';

export const balanced: Rule = {
  id: 'balanced', says: 'when all leases of a backend have ended, however they did, everybody gets the picks again that were his',
  check: (subject) => {
    try {
      const fresh = picksOf(subject);
      for (const past of PASTS) checkPast(subject, fresh, past);
    } catch (thrown) {
      // That a function throws is `never-throws` to say.
      if (thrown instanceof Break) throw thrown;
    }
  },
};

/** What one backend has behind it. */
interface Past {
  readonly says: string;
  /** Absent: no lease was opened on any of the picks. */
  readonly outcome?: Outcome;
  /** Time that goes by between two picks, so that each lease is open five times as long. */
  readonly everyMs: number;
}

const SIZE = 3;
/** Picks of the one backend that is available, so many leases open at a time. */
const LEASES = 200;
const OPEN_AT_ONCE = 5;
const PICKS = 200;
/** By then every failure is forgiven and every measurement is old. */
const LATER_MS = 3_600_000;
const SLOW_MS = 30_000;

const PASTS: readonly Past[] = [
  ...OUTCOMES.map((outcomeOf): Past => ({ says: `${LEASES} leases, all ended: ${describe(outcomeOf())}`, outcome: outcomeOf(), everyMs: 0 })),
  {
    says: `${LEASES} leases, all ended: answered with 200 after ${SLOW_MS.toLocaleString('en')} ms`,
    outcome: answered(200, { firstByteMs: SLOW_MS, durationMs: SLOW_MS }), everyMs: SLOW_MS / OPEN_AT_ONCE,
  },
  { says: `${LEASES} picks, none of which became a lease: the place was gone meanwhile, or another was preferred`, everyMs: 0 },
];

/**
 * Who gets a sixth of the picks of a new instance must get a tenth of that from one that has been at work. For picks by chance the two are 33 picks of 200
 * and fewer than 4 of as many: less than once in a billion, whatever its seed.
 */
function checkPast(subject: Subject, fresh: readonly number[], past: Past): void {
  const victim = fresh.indexOf(Math.max(...fresh));
  if (fresh[victim]! < PICKS / 6) return;
  const worn = picksOf(subject, (strategy, backends, w) => workOut(strategy, backends, victim, past, w));
  const loser = fresh.findIndex((had, i) => had >= PICKS / 6 && 10 * worn[i]! < had);
  if (loser < 0) return;
  throw new Break({
    seen: `backend ${loser + 1} got ${worn[loser]} of ${PICKS} picks, where it gets ${fresh[loser]} of a new instance`,
    sample: `${SIZE} equal backends, idle for an hour after this on backend ${victim + 1} alone: ${past.says}`,
    probably: !past.outcome ? 'select counts what it picks: count in onStart, which hears of those picks alone that became a lease'
      : loser !== victim ? 'a lease is given back twice, in onHead and in onEnd, say; or an average takes what stands for no answer (-1, 0) for a good one'
      : past.everyMs > 0 ? 'an average that only a new answer can change: who is never picked cannot get better, so let what is old weigh less (host.now())'
      : 'a count taken in onStart is not given back in onEnd for every outcome; or a backend that failed is never tried again, or one whose average a new answer alone could mend',
  });
}

function picksOf(subject: Subject, before: (strategy: StrategyUnderTest, backends: readonly FakeBackend[], w: World) => void = () => {}): number[] {
  const w = world(subject);
  const strategy = strategyUnderTest(subject.use, w);
  const backends = w.backends(SIZE);
  strategy.update(backends);
  before(strategy, backends, w);
  w.leap(LATER_MS);
  w.advance(5_000);
  const counts = backends.map(() => 0);
  for (let key = 0; key < PICKS; key++) {
    const lease = pickBy(key, strategy, w);
    w.advance(1);
    lease?.end();
    if (lease) counts[backends.indexOf(lease.backend)]!++;
  }
  return counts;
}

function workOut(strategy: StrategyUnderTest, backends: readonly FakeBackend[], victim: number, { outcome, everyMs }: Past, w: World): void {
  for (const [i, backend] of backends.entries()) backend.draining = i !== victim;
  const open: (FakeLease | undefined)[] = [];
  for (let key = 0; key < LEASES; key++) {
    if (!outcome) {
      strategy.select(exchangeOf(key, w));
      continue;
    }
    if (open.length === OPEN_AT_ONCE) end(open.shift(), outcome, w);
    open.push(pickBy(key, strategy, w));
    w.advance(everyMs);
  }
  for (const lease of open) end(lease, outcome!, w);
  for (const backend of backends) backend.draining = false;
}

function exchangeOf(key: number, w: World): Exchange {
  return w.exchange({ clientAddress: `192.0.2.${key}`, target: `/item/${key}?id=${key}` });
}

function pickBy(key: number, strategy: StrategyUnderTest, w: World): FakeLease | undefined {
  const exchange = exchangeOf(key, w);
  const picked = strategy.select(exchange);
  // As in the core: an unavailable pick counts as no opinion, and is another rule's matter.
  return picked && strategy.pool.isAvailable(picked) ? strategy.open(picked, exchange) : undefined;
}

function end(lease: FakeLease | undefined, outcome: Outcome, w: World): void {
  if (outcome.kind === 'answered') lease?.respond(w.responseHead(outcome.status || 200));
  lease?.end(outcome);
}

function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'answered': return outcome.status === 0 ? 'answered, over tcp' : `answered with ${outcome.status}`;
    case 'failed': return `failed in ${outcome.phase} (${outcome.code})`;
    case 'aborted': return `aborted by the ${outcome.by}`;
    default: return outcome satisfies never;
  }
}
