/** Every strategy under every combinator that admits it, held to the rules about picks. Each alone, and what each promises, is in its own test. */
import { describe, expect, it } from 'vitest';
import type { StrategyUse } from '@steelyard/sdk';
import boundedLoad from '@steelyard/plugins/bounded-load';
import fallback from '@steelyard/plugins/fallback';
import first from '@steelyard/plugins/first';
import joinIdleQueue from '@steelyard/plugins/join-idle-queue';
import leastConnections from '@steelyard/plugins/least-connections';
import leastTime from '@steelyard/plugins/least-time';
import locality from '@steelyard/plugins/locality';
import maglev from '@steelyard/plugins/maglev';
import orca from '@steelyard/plugins/orca';
import p2c from '@steelyard/plugins/p2c';
import peakEwma from '@steelyard/plugins/peak-ewma';
import prequal from '@steelyard/plugins/prequal';
import priority from '@steelyard/plugins/priority';
import random from '@steelyard/plugins/random';
import rendezvous from '@steelyard/plugins/rendezvous';
import ringHash from '@steelyard/plugins/ring-hash';
import roundRobin from '@steelyard/plugins/round-robin';
import shadow from '@steelyard/plugins/shadow';
import slowStart from '@steelyard/plugins/slow-start';
import sticky from '@steelyard/plugins/sticky';
import subset from '@steelyard/plugins/subset';
import trace from '@steelyard/plugins/trace';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';
import { brokenRules } from '../sdk/broken-rules.ts';

// Small tables: what matters here is how strategies meet, not how even a hash is.
const load = [roundRobin(), weightedRoundRobin(), random(), p2c(), leastConnections(), leastConnections({ shortestExpectedDelay: true }), leastTime(), peakEwma(), joinIdleQueue(), prequal({ probePath: '/load' })];
const hashes = [rendezvous(), ringHash({ points: 5, maxRingSize: 1_024 }), maglev({ tableSize: 101 })];
const all: readonly StrategyUse[] = [...load, ...hashes, first()];
const secret = 'a secret of some length';

/** What the compiler keeps apart by type is one list here; what it would refuse is left out. */
type Wrap = (over: never) => unknown;
const combinators: [name: string, wrap: Wrap, admitted: readonly StrategyUse[]][] = [
  ['sticky', (over) => sticky({ secret, over }), all],
  ['fallback', (over) => fallback({ over: [over, roundRobin()] }), all],
  ['fallback, second', (over) => fallback({ over: [first(), over] }), all],
  ['shadow', (over) => shadow({ over, candidate: roundRobin() }), all],
  ['shadow, as candidate', (over) => shadow({ over: roundRobin(), candidate: over }), all],
  ['trace', (over) => trace({ over }), all],
  ['priority', (over) => priority({ over }), all],
  ['locality', (over) => locality({ zone: 'here', over }), all],
  ['subset', (over) => subset({ over, size: 3, balancer: 'one' }), all],
  ['slow-start', (over) => slowStart({ over }), load],
  ['orca', (over) => orca({ over }), load],
  ['bounded-load', (over) => boundedLoad({ over }), hashes],
  ['sticky over slow-start', (over) => sticky({ secret, over: slowStart({ over }) }), load],
  ['trace over fallback over bounded-load', (over) => trace({ over: fallback({ over: [boundedLoad({ over }), roundRobin()] }) }), hashes],
];

describe.each(combinators)('%s', (_name, wrap, admitted) => {
  it.each(admitted)('keeps the contract over $name', (over) => {
    expect(brokenRules(wrap(over as never) as StrategyUse, { ofInterest: /no function throws|never picks|a pick is|of weight 0|returns undefined|gets its picks again/ })).toEqual({});
  });
});
