/** What the tests of the contract kit share: strategies that are wrong in one thing, and what the kit says of them. */
import { defineStrategy } from '@steelyard/sdk';
import type { Backend, Host, Member, PoolView, StrategyInstance, StrategyUse } from '@steelyard/sdk';
import { StrategyContractError, testStrategy } from '@steelyard/sdk/testkit';
import type { StrategyProperties } from '@steelyard/sdk/testkit';

/** Chooses among the members with a weight. Made anew by `create`, so what is kept outside of the function is one instance's own. */
export type Select = (members: readonly Member[], pool: PoolView, clientAddress: string) => unknown;

/** A strategy that is right but for its `select`, and for what `more` puts in place of its other functions. */
export function strategy(name: string, create: (host: Host) => Select, more: (host: Host) => Partial<StrategyInstance> = () => ({})): StrategyUse {
  return defineStrategy<{}>({
    name,
    options: {},
    create(_options, host) {
      const select = create(host);
      let members: readonly Member[] = [];
      return {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select: (exchange, pool) => select(members, pool, exchange.clientAddress) as Backend | undefined,
        ...more(host),
      };
    },
  })();
}

export const available = (members: readonly Member[], pool: PoolView): Member[] => members.filter(({ backend }) => pool.isAvailable(backend));
export const oneOf = <T>(list: readonly T[], host: Host): T | undefined => list[Math.floor(host.random() * list.length)];
export const byChance = (host: Host): Select => (members, pool) => oneOf(available(members, pool), host)?.backend;

/** A mutant has to be found whatever the seed. `KIT_SEED=$RANDOM npx vitest ... test/sdk` looks elsewhere. Read anew each time, so that a soak can set it. */
export const kitSeed = (): number => Number(process.env['KIT_SEED'] ?? 7);

/**
 * The rules that a strategy breaks, with what its author is told.
 * @param ofInterest what the names of the rules to run contain. Default all but the one on memory, which collects garbage: slow in a runner's heap.
 */
export function brokenRules(use: StrategyUse, { properties = {}, seed = kitSeed(), ofInterest = /^(?!.*keeps nothing)/ }: { properties?: StrategyProperties; seed?: number; ofInterest?: RegExp } = {}): Record<string, string> {
  const found: Record<string, string> = {};
  const test = (name: string, run: () => void) => {
    if (!ofInterest.test(name)) return;
    try {
      run();
    } catch (thrown) {
      if (!(thrown instanceof StrategyContractError)) throw thrown;
      for (const { rule, message } of thrown.broken) found[rule] = message;
    }
  };
  testStrategy(use, { test, properties, seed });
  return found;
}
