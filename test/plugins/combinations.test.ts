/** Every strategy of the plugins under every combinator: those that admit each other keep the contract, the others are refused. */
import { describe, expect, it } from 'vitest';
import type { AnyStrategyUse } from '@steelyard/sdk';
import { config, faultsOf } from '../config/faults-of.ts';
import { brokenRules } from '../sdk/broken-rules.ts';
import { COMBINATORS, LEAVES, strategyFolders, type Combinator } from './every-strategy.ts';

const leaves = Object.entries(LEAVES).map(([name, make]) => [name, make()] as const);
const combinators = Object.entries(COMBINATORS);
const takes = ({ takes: kind }: Combinator, use: AnyStrategyUse): boolean => kind === undefined || use.strategyKind === kind;
const pairs = combinators.flatMap(([outer, combinator]) => leaves.map(([inner, use]) => ({ outer, inner, combinator, use })));
/** Two deep, around a strategy that the inner combinator takes: each combinator outside of and inside of two or more others. */
const nested = combinators.flatMap(([outer, around], i) => combinators.filter((_, j) => i !== j && (i + j) % 4 === 0).map(([inner, within]) => {
  const use = within.around(LEAVES[within.takes === 'hash' || around.takes === 'hash' ? 'rendezvous' : 'round-robin']!());
  return { outer, inner, combinator: around, use, isSound: within.takes === undefined || around.takes === undefined || within.takes === around.takes };
})).filter(({ isSound }) => isSound);

/** Every rule but the one on memory, which collects garbage: the test of each strategy holds it to that one. */
const keepsContract = (use: AnyStrategyUse): void => expect(brokenRules(use)).toEqual({});

it('leave out no strategy that the plugins have', () => {
  expect([...Object.keys(LEAVES), ...Object.keys(COMBINATORS)].toSorted()).toEqual(strategyFolders());
});
describe('the contract holds for', () => {
  it.each(pairs.filter(({ combinator, use }) => takes(combinator, use)))('$outer over $inner', ({ combinator, use }) => keepsContract(combinator.around(use)));
  it.each(nested.filter(({ combinator, use }) => takes(combinator, use)))('$outer over $inner over another', ({ combinator, use }) => keepsContract(combinator.around(use)));
});

it.each(pairs.filter(({ combinator, use }) => takes(combinator, use)))('the loader admits $outer over $inner', async ({ combinator, use }) => {
  expect(await faultsOf(config({}, { strategy: combinator.around(use) }))).toEqual([]);
});
describe('the loader refuses', () => {
  it.each(pairs.filter(({ combinator, use }) => !takes(combinator, use)))('$outer over $inner', async ({ outer, inner, combinator, use }) => {
    expect(await faultsOf(config({}, { strategy: combinator.around(use) }))).toEqual([
      expect.stringContaining(`pools.web.strategy.over (${outer}) is ${inner}, a strategy of kind ${use.strategyKind}, must be one of kind ${combinator.takes} (`),
    ]);
  });
  it.each(pairs.filter(({ combinator, use }) => takes(combinator, use) && combinator.around(use).protocol === 'http'))('$outer over $inner in a tcp pool', async ({ outer, inner, combinator, use }) => {
    expect(await faultsOf(config({}, { protocol: 'tcp', backends: ['tcp://a:1'], strategy: combinator.around(use) }))).toEqual([
      // The one that reads requests is named, the outer first.
      expect.stringContaining(`pools.web.strategy is ${use.protocol === 'http' && combinator.around(LEAVES['rendezvous']!()).protocol === 'any' ? inner : outer}, which reads HTTP requests: a tcp pool has none`),
    ]);
  });
});
