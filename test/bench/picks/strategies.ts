/** The strategies of plugins/, read from the folder, so that a new one is measured as well. */
import { existsSync, readdirSync } from 'node:fs';
import { type AnyUse, type StrategyUse, withDefaults, withOptions } from '@steelyard/sdk';

type Factory = (options?: object) => AnyUse;

const PLUGINS = new URL('../../../plugins/', import.meta.url);
const SMALL_SUBSET = 5;

/** Of those that do not work without options. Combinators get round-robin inside, the cheapest, or where it has to be a hash maglev: what
 * is above its line is their own. */
const OPTIONS: Record<string, (inner: () => AnyUse, hash: () => AnyUse) => object> = {
  'bounded-load': (_inner, hash) => ({ over: hash() }),
  fallback: (inner) => ({ over: [inner(), inner()] }),
  locality: (inner) => ({ zone: 'a', over: inner() }),
  orca: (inner) => ({ over: inner() }),
  priority: (inner) => ({ over: inner() }),
  script: () => ({ select: (_exchange: object, pool: { backends: readonly object[] }) => pool.backends[0] }),
  shadow: (inner) => ({ over: inner(), candidate: inner() }),
  'slow-start': (inner) => ({ over: inner() }),
  split: (inner) => ({ over: [inner(), inner()], parts: [{ name: 'stable', weight: 9 }, { name: 'canary', weight: 1 }] }),
  sticky: (inner) => ({ over: inner(), secret: 'a secret of the bench, 32 characters' }),
  subset: (inner) => ({ over: inner(), size: SMALL_SUBSET }),
  // So seldom that its lines do not count, for what is told is on the heap; but not never, or the compiler would leave that branch out.
  trace: (inner) => ({ over: inner(), logShare: 0.0001 }),
};

/** Names of all strategies. A folder whose plugin is a health check, an exporter or a discovery is none. */
export async function strategyNames(): Promise<string[]> {
  const names = readdirSync(PLUGINS).filter((name) => existsSync(new URL(`${name}/index.ts`, PLUGINS))).toSorted();
  const uses = await Promise.all(names.map(async (name) => (await factoryOf(name))({})));
  return names.filter((_, at) => uses[at]!.kind === 'strategy');
}

/** One with options that it works with. */
export async function strategyUse(name: string): Promise<StrategyUse> {
  const factory = await factoryOf(name);
  const roundRobin = await factoryOf('round-robin');
  const maglev = await factoryOf('maglev');
  return whole(factory(OPTIONS[name]?.(() => whole(roundRobin()), () => whole(maglev())))) as StrategyUse;
}

/** With the defaults of its options, as the loader of configs gives them. */
function whole(use: AnyUse): AnyUse {
  return withOptions(use, withDefaults((use.definition.options ?? {}) as never, use.options as never));
}

async function factoryOf(name: string): Promise<Factory> {
  const module = (await import(new URL(`${name}/index.ts`, PLUGINS).href)) as { default: Factory };
  return module.default;
}
