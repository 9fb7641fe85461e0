/** Every strategy of the plugins' folder, ready to be combined. A folder that is missing here fails `combinations.test.ts`. */
import { readdirSync, readFileSync } from 'node:fs';
import type { AnyStrategyUse, StrategyProtocol, StrategyUse } from '@steelyard/sdk';
import boundedLoad from '@steelyard/plugins/bounded-load';
import expectedDelay from '@steelyard/plugins/expected-delay';
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
import script from '@steelyard/plugins/script';
import shadow from '@steelyard/plugins/shadow';
import slowStart from '@steelyard/plugins/slow-start';
import split from '@steelyard/plugins/split';
import sticky from '@steelyard/plugins/sticky';
import subset from '@steelyard/plugins/subset';
import trace from '@steelyard/plugins/trace';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';

type Load = StrategyUse<StrategyProtocol, 'load'>;
type Hash = StrategyUse<StrategyProtocol, 'hash'>;

/** Those that decide by themselves, by folder. Tables are small: the kit changes the members thousands of times. */
export const LEAVES: Readonly<Record<string, () => AnyStrategyUse>> = {
  'expected-delay': () => expectedDelay(), 'first': () => first(), 'join-idle-queue': () => joinIdleQueue(), 'least-connections': () => leastConnections(), 'least-time': () => leastTime(),
  'maglev': () => maglev({ tableSize: 101 }), 'p2c': () => p2c(), 'peak-ewma': () => peakEwma(), 'prequal': () => prequal({ probePath: '/load' }), 'random': () => random(),
  'rendezvous': () => rendezvous(), 'ring-hash': () => ringHash({ points: 4 }), 'round-robin': () => roundRobin(), 'weighted-round-robin': () => weightedRoundRobin(),
  'script': () => script({ select: (_exchange, pool, { members }) => members.find(({ backend }) => pool.isAvailable(backend))?.backend }),
};

export interface Combinator {
  /** Kind of what it takes; absent = any. */
  readonly takes?: 'load' | 'hash';
  readonly around: (over: AnyStrategyUse) => AnyStrategyUse;
}

/** Those that wrap another, by folder. What a combinator does not take is given to it all the same, and is to be refused. */
export const COMBINATORS: Readonly<Record<string, Combinator>> = {
  'bounded-load': { takes: 'hash', around: (over) => boundedLoad({ over: over as Hash }) },
  'fallback': { around: (over) => fallback({ over: [over, first()] }) },
  'locality': { around: (over) => locality({ zone: 'here', over }) },
  'orca': { takes: 'load', around: (over) => orca({ over: over as Load }) },
  'priority': { around: (over) => priority({ over }) },
  'shadow': { around: (over) => shadow({ over, candidate: roundRobin() }) },
  'slow-start': { takes: 'load', around: (over) => slowStart({ over: over as Load }) },
  'split': { around: (over) => split({ over: [over, roundRobin()], parts: [{ name: 'stable', weight: 9 }, { name: 'canary', weight: 1 }] }) },
  'sticky': { around: (over) => sticky({ secret: 'a secret of some length', over }) },
  'subset': { takes: 'load', around: (over) => subset({ size: 3, over: over as Load }) },
  'trace': { around: (over) => trace({ over }) },
};

/** Folders of plugins that define a strategy. */
export function strategyFolders(): string[] {
  const plugins = new URL('../../plugins/', import.meta.url);
  return readdirSync(plugins, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readFileSync(new URL(`${entry.name}/index.ts`, plugins), 'utf8').includes('export default defineStrategy'))
    .map(({ name }) => name)
    .toSorted();
}
