/** The contract suite: one call, and a strategy is tested against every rule. */
import type { StrategyUse } from '../../define.ts';
import { consistent } from './consistency.ts';
import type { Consistency } from './consistency.ts';
import { avoidsMostLoaded, leastLoaded, powerOfChoices } from './loads.ts';
import type { LoadRule } from './loads.ts';
import { StrategyContractError, tryRule } from './rule.ts';
import type { BrokenRule, Rule, Subject } from './rule.ts';
import { CONTRACT } from './rules.ts';
import { even, everyBackend, smooth, weighted, weightedExactly } from './shares.ts';
import { describeSpeed, measurePicks } from './speed.ts';

/**
 * What a strategy promises beyond the contract. Each is a rule of its own; what is not declared is not tested.
 * @example
 * import type { StrategyProperties } from '@steelyard/sdk/testkit';
 * const smoothAndExact: StrategyProperties = { weighted: 'exactly', smooth: true };
 */
export interface StrategyProperties {
  /**
   * In an idle pool, shares follow the weights of those available: within what chance allows (Hoeffding's bound at one false alarm in a billion),
   * or with `exactly` on the pick, after each k·Σw picks.
   */
  weighted?: boolean | 'exactly';
  /** No backend is ever a whole pick ahead of its share: smooth weighted round-robin. */
  smooth?: boolean;
  /** Equal backends in an idle pool differ by at most one pick, at any time. */
  even?: boolean;
  /** No available backend has less load than the one picked. The load is in-flight / weight, or the function given. */
  leastLoaded?: boolean | LoadRule;
  /** Of two or more backends, the strictly most loaded gets nothing. */
  avoidsMostLoaded?: boolean;
  /** Picks the least loaded of so many different backends, each set of them equally likely. 2 or more. */
  powerOfChoices?: number;
  /** Among equal backends each gets a pick, whatever came before. */
  everyBackend?: boolean;
  /**
   * A hash: in an idle pool a key stays with its backend. Only those move whose backend left or is unavailable, to all others, or that a new one takes; and
   * no backend has twice its share of the keys. The kind of the strategy must be `hash`.
   */
  consistent?: boolean | Consistency;
}

/**
 * How a strategy is tested.
 * @example
 * import type { StrategySuite } from '@steelyard/sdk/testkit';
 * const suite: StrategySuite = { seed: 7, properties: { even: true }, report: console.log };
 */
export interface StrategySuite {
  properties?: StrategyProperties;
  /**
   * `test` of vitest, `node:test`, mocha or the like: each rule becomes a test of its own. Absent: all rules run at once, and one error
   * lists every broken one.
   */
  test?: (name: string, run: () => void) => unknown;
  /** 32-bit integer; the same seed repeats the same run. Default 1. */
  seed?: number;
  /** Gets a line on what a pick costs with 10 backends and one for 1,000. Default: not measured. */
  report?: (line: string) => void;
}

/**
 * What was tested.
 * @example
 * import type { StrategyReport } from '@steelyard/sdk/testkit';
 * const report: StrategyReport = testStrategy(roundRobin());
 * report.rules.includes('available-only'); // true
 */
export interface StrategyReport {
  /** Ids of the rules, in order. */
  readonly rules: readonly string[];
}

/**
 * Tests a strategy against the contract of `defineStrategy`, and against the properties it declares.
 * @throws StrategyContractError, an AssertionError with `broken`: the rule, what was seen, the sample, the seed, and what was probably meant.
 * @example
 * import { test } from 'node:test';
 * testStrategy(p2c({ choices: 3 }), { test, properties: { everyBackend: true, powerOfChoices: 3 } });
 */
export function testStrategy(use: StrategyUse, suite: StrategySuite = {}): StrategyReport {
  const { test, seed = 1, report, properties = {} } = suite;
  const subject: Subject = { use, seed };
  const rules = [...CONTRACT, ...rulesOf(properties)];
  const measure = () => {
    for (const backends of [10, 1_000]) report?.(describeSpeed(use.name, measurePicks(use, backends)));
  };
  if (test) {
    for (const rule of rules) test(`${use.name}: ${rule.says}`, () => throwIfBroken([tryRule(rule, subject)]));
    if (report) test(`${use.name}: (what a pick costs is reported, not judged)`, measure);
  } else {
    throwIfBroken(rules.map((rule) => tryRule(rule, subject)));
    if (report) measure();
  }
  return { rules: rules.map(({ id }) => id) };
}

function throwIfBroken(results: readonly (BrokenRule | undefined)[]): void {
  const broken = results.filter((result) => result !== undefined);
  if (broken.length > 0) throw new StrategyContractError(broken);
}

function rulesOf(properties: StrategyProperties): Rule[] {
  const { leastLoaded: load, consistent: keys } = properties;
  const declared: (Rule | false | undefined)[] = [
    properties.weighted !== undefined && properties.weighted !== false && weighted,
    properties.weighted === 'exactly' && weightedExactly,
    properties.smooth && smooth,
    properties.even && even,
    load !== undefined && load !== false && leastLoaded(load === true ? (inFlight, weight) => inFlight / weight : load),
    properties.avoidsMostLoaded && avoidsMostLoaded,
    properties.powerOfChoices !== undefined && powerOfChoices(properties.powerOfChoices),
    properties.everyBackend && everyBackend,
    keys !== undefined && keys !== false && consistent(keys === true ? {} : keys),
  ];
  return declared.filter((rule) => rule !== undefined && rule !== false);
}
