/** What a rule is, and how a broken one is told to the author. */
import assert from 'node:assert/strict';
import { describeError } from '../../errors.ts';
import type { StrategyUse } from '../../define.ts';
import type { Backend, Member } from '../../model.ts';
import type { AnyOptionSchema } from '../../options.ts';
import type { FakePool } from '../backends.ts';

/** What is tested. */
export interface Subject {
  readonly use: StrategyUse;
  readonly seed: number;
}
export interface Rule {
  /** Stable, for look-up: `available-only`. */
  readonly id: string;
  /** The rule as a sentence: the name of its test. */
  readonly says: string;
  /** @throws Break when the strategy breaks it. */
  readonly check: (subject: Subject) => void;
}

interface BreakFacts {
  /** What happened. */
  seen: string;
  /** What it happened with. */
  sample: string;
  /** What the author probably did, or meant. */
  probably: string;
}
/** A rule was broken; the suite makes an AssertionError of it. */
export class Break extends Error {
  readonly facts: BreakFacts;

  constructor(facts: BreakFacts) {
    super(facts.seen);
    this.facts = facts;
  }
}

/**
 * One rule that a strategy broke.
 * @example
 * import type { BrokenRule } from '@steelyard/sdk/testkit';
 * const print = ({ rule, message }: BrokenRule) => console.error(rule, message);
 */
export interface BrokenRule {
  readonly rule: string;
  /** Everything, in lines for people. */
  readonly message: string;
}

/** Runs one rule; `undefined` = it holds. */
export function tryRule(rule: Rule, subject: Subject): BrokenRule | undefined {
  try {
    rule.check(subject);
    return undefined;
  } catch (thrown) {
    const { seen, sample, probably } = thrown instanceof Break ? thrown.facts : factsOfThrow(thrown);
    const { use, seed } = subject;
    const lines = [
      `${describeUse(use)} breaks the rule ${rule.id}: ${rule.says}`,
      `  seen:     ${seen}`,
      `  sample:   ${sample}`,
      `  seed:     ${seed} (testStrategy(..., { ..., seed: ${seed} }) repeats it)`,
      `  probably: ${probably}`,
    ];
    return { rule: rule.id, message: lines.join('\n') };
  }
}

/** What was thrown, of what kind, and where: `size is 0 (RangeError at Object.select (file:///mine.ts:12:7))`. */
export function describeThrow(thrown: unknown): string {
  try {
    const where = thrown instanceof Error ? (thrown.stack?.split('\n').find((line) => /^\s+at /.test(line))?.trim() ?? '') : '';
    return thrown instanceof Error ? `${describeError(thrown)} (${`${thrown.name} ${where}`.trim()})` : describeError(thrown);
  } catch {
    // Its getters are the author's code too.
    return describeError(thrown);
  }
}

function factsOfThrow(thrown: unknown): BreakFacts {
  return {
    seen: `it threw: ${describeThrow(thrown)}`,
    sample: 'the run of this rule',
    probably: 'see the first rule that it breaks: a throw in one of its functions shows in every run',
  };
}

const MOST_OPTIONS = 120;

/** Tests may hold one strategy with several options against the kit: `p2c({"choices":3})`. Functions and strategies by their names, secrets not at all. */
function describeUse({ name, options, definition }: StrategyUse): string {
  const shown = Object.entries(options).map(([option, value]) => [option, isSecret(definition.options[option] ?? {}) ? '(secret)' : value]);
  let given: string;
  try {
    given = JSON.stringify(Object.fromEntries(shown), (_key, value: unknown) => {
      if (typeof value === 'function') return value.name || 'a function';
      return typeof value === 'object' && value !== null && 'strategyKind' in value ? describeUse(value as StrategyUse) : value;
    });
  } catch {
    // A circle, or a BigInt: `definition` says what is wrong with it.
    return name;
  }
  return given === '{}' ? name : `${name}(${given.length <= MOST_OPTIONS ? given : `${given.slice(0, MOST_OPTIONS)}...`})`;
}

function isSecret({ secret, anyOf = [], items, values, properties = {} }: AnyOptionSchema): boolean {
  return secret === true || [...anyOf, items, values, ...Object.values(properties)].some((each) => each !== undefined && isSecret(each));
}

/**
 * The broken rules of one strategy.
 * @example
 * try {
 *   testStrategy(roundRobin(), { properties: { avoidsMostLoaded: true } });
 * } catch (thrown) {
 *   if (thrown instanceof StrategyContractError) console.log(thrown.broken[0]?.rule); // avoids-most-loaded
 * }
 */
export class StrategyContractError extends assert.AssertionError {
  readonly broken: readonly BrokenRule[];

  constructor(broken: readonly BrokenRule[]) {
    super({ message: broken.map(({ message }) => message).join('\n\n'), operator: 'testStrategy' });
    this.broken = broken;
  }
}

/** The pool as a picker saw it, at most eight members of it. */
export function describePool(members: readonly Member[], pool: FakePool): string {
  const shown = members.slice(0, 8).map(({ backend, weight }) => {
    const states = [`weight ${weight}`, `in-flight ${backend.inFlight}`, ...statesOf(backend, pool)];
    return `${backend.address} (${states.join(', ')})`;
  });
  const rest = members.length > 8 ? ` and ${members.length - 8} more` : '';
  return members.length === 0 ? 'no members' : shown.join(', ') + rest;
}

/** Why a backend is not available. */
export function statesOf(backend: Backend, pool: FakePool): string[] {
  const states: [boolean, string][] = [
    [backend.health === 'down', 'is down'],
    [backend.draining, 'is draining'],
    [backend.inFlight >= backend.maxInFlight, 'is at its limit'],
    [pool.tried.has(backend), 'was tried already'],
  ];
  return states.flatMap(([isSo, what]) => (isSo ? [what] : []));
}
