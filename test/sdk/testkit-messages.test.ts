/** What an author of a first strategy is told: the fault that he made, and not another one that follows from it. */
import { expect, it } from 'vitest';
import { defineStrategy } from '@steelyard/sdk';
import type { Backend, StrategyUse } from '@steelyard/sdk';
import { strategyUnderTest, world } from '@steelyard/sdk/testkit';
import { available, brokenRules, strategy } from './broken-rules.ts';

const firstOf = () => strategy('first-of', () => (members, pool) => available(members, pool)[0]?.backend);

it('a callback that nobody calls is no callback: its name is told, and those that are called', () => {
  const misnamed = strategy('misnamed', () => (members, pool) => available(members, pool)[0]?.backend, () => ({ onDone: () => {} }) as object);
  expect(brokenRules(misnamed)['definition']).toMatch(/create\(\) gave onDone, which nobody calls; called are .*onStart, onHead, onEnd/);
  const small = strategy('small', () => (members, pool) => available(members, pool)[0]?.backend, () => ({ onend: () => {} }) as object);
  expect(brokenRules(small)['definition']).toContain('gave onend, which nobody calls');
  class WithHandler {
    update(): void {}
    select(): undefined {}
    onRelease(): void {}
  }
  const ofClass = defineStrategy<{}>({ name: 'of-class', options: {}, create: () => new WithHandler() })();
  expect(brokenRules(ofClass)['definition']).toContain('gave onRelease, which nobody calls');
});

it('parts of an instance that are no callbacks by their name are its own', () => {
  const own = strategy('own-parts', () => (members, pool) => available(members, pool)[0]?.backend, () => ({ once: () => {}, table: [], rebuild: () => {} }) as object);
  expect(brokenRules(own)).toEqual({});
  expect(brokenRules(firstOf())).toEqual({});
});

it('a throw is told with its kind and its place', () => {
  const thrower = strategy('thrower', () => (members, pool) => {
    if (members.length > 100) throw new RangeError('too many');
    return available(members, pool)[0]?.backend;
  });
  expect(brokenRules(thrower)['never-throws']).toMatch(/threw too many \(RangeError at .*testkit-messages\.test\.ts:\d+:\d+\)/);
});

/** With an option, so that the rule on options has something to try. */
const withOption = (select: (backend: Backend | undefined) => unknown): StrategyUse =>
  defineStrategy<{ size?: number }>({
    name: 'with-option',
    options: { size: { type: 'integer', minimum: 1, maximum: 10, default: 5 } },
    create: () => ({ update() {}, select: (_exchange, pool) => select(pool.backends.find((backend) => pool.isAvailable(backend))) as Backend | undefined }),
  })();

it('options are not blamed for what is wrong with every one of them', () => {
  const told = brokenRules(withOption((backend) => Promise.resolve(backend)));
  expect(Object.keys(told)).toContain('returns-a-member');
  expect(Object.keys(told)).not.toContain('options');
});

it('a copy of a Backend is told as one', () => {
  const told = brokenRules(withOption((backend) => backend && { ...backend, id: backend.id, address: backend.address }));
  expect(told['returns-a-member']).toMatch(/probably: .*or gives a copy/);
  const w = world();
  const tested = strategyUnderTest(withOption((backend) => backend && { id: backend.id }), w);
  tested.update(w.backends(2));
  expect(() => tested.pick()).toThrow(/^with-option picked .*, which is no member of the pool$/);
});
