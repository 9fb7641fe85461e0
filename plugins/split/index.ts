/**
 * `split({ over, parts })`: each key belongs to one of several parts, by weight, and stays with it: a canary. A part is a strategy of its own, over all backends or
 * over those of some labels or a zone.
 *
 * The weighted clusters of Envoy and `split_clients` of nginx, inside one pool and by a key. A pick costs the hash of the key, a logarithm per part, and the pick inside.
 */
import { defineStrategy, HASH_KEY, keyHash, Pickers, PoolPart, SteelyardError, type AnyStrategyUse, type Backend, type HashKeys, type Member } from '@steelyard/sdk';
import { Shares } from './shares.ts';

export interface SplitOptions {
  /** One strategy for each of `parts`, in their order. At least two. */
  over: readonly AnyStrategyUse[];
  /** As many as there are strategies. */
  parts: readonly SplitPart[];
  /** What is hashed: equal keys belong to the same part. Without a key, chance decides at each pick. Default `address`. */
  key?: HashKeys;
  /** Where no backend of the part is available: `true` = the part that the key would belong to without this one; `false` = no pick. Default true. */
  spill?: boolean;
}

export interface SplitPart {
  /** Unique; keys are drawn by it, so another name takes other keys. */
  name: string;
  /** Share of the keys in proportion to the sum of all, 0 to 1,000,000; 0 = none, and nothing spills into it. */
  weight: number;
  /** Backends that have all of these labels. Default `{}`: all backends. */
  labels?: Readonly<Record<string, string>>;
  /** Backends of this zone. Default '': of all. */
  zone?: string;
}

type WholePart = Required<SplitPart>;

export default defineStrategy<SplitOptions, 'any', 'inner'>({
  name: 'split',
  description: 'a weighted canary between strategies or parts of the pool, stable per key',
  kind: 'inner',
  options: {
    over: { type: 'array', items: { type: 'strategy' }, minItems: 2, maxItems: 64, description: 'a strategy for each part' },
    parts: {
      type: 'array', minItems: 2, maxItems: 64, description: 'the parts, in the order of the strategies',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string', minLength: 1, description: 'keys are drawn by it' },
          weight: { type: 'number', minimum: 0, maximum: 1_000_000, description: 'share of the keys' },
          labels: { type: 'object', values: { type: 'string' }, default: {}, description: 'of its backends' },
          zone: { type: 'string', default: '', description: 'of its backends' },
        },
      },
    },
    key: { ...HASH_KEY, default: 'address' },
    spill: { type: 'boolean', default: true, description: 'whether another part takes over where a part has no available backend' },
  },
  create({ over, parts: given, key, spill }, host) {
    // A list's items have their defaults by now.
    const parts = given as readonly WholePart[];
    throwIfWrong(parts, over.length);
    const inner = over.map((use) => host.strategy(use));
    const pickers = new Pickers(inner);
    const shares = new Shares(parts);
    const hashOf = keyHash(key, 'random', host);
    /** `undefined` = the whole pool. */
    const views = parts.map((part) => (isWhole(part) ? undefined : new PoolPart()));
    const picks = host.counter('split_picks_total', { help: 'Picks by part: own = of the keys that belong to it, spilled = of another that had nobody available.', labels: ['pool', 'part', 'result'] });
    const ownPicks = parts.map(({ name }) => picks.labels(host.pool, name, 'own'));
    const spilledPicks = parts.map(({ name }) => picks.labels(host.pool, name, 'spilled'));
    let lastLeftOut = '';
    let lastEmpty = '';
    /** Weights and labels are two places to forget a backend in: it would idle without a sign, or a part be empty. */
    const warnOfLeftOut = (members: readonly Member[]): void => {
      const drawn = parts.filter(({ weight }) => weight > 0);
      const ids = members.filter(({ backend }) => !drawn.some((part) => isOf(part, backend))).map(({ backend }) => backend.id);
      const empty = members.length === 0 ? [] : drawn.filter((part) => !members.some(({ backend }) => isOf(part, backend))).map(({ name }) => name);
      if (ids.length > 0 && ids.join() !== lastLeftOut) host.log.warn({ backends: ids }, 'these backends belong to no part that has a weight, and get nothing');
      if (empty.length > 0 && empty.join() !== lastEmpty) host.log.warn({ parts: empty }, `no backend has the labels and the zone of these parts: their keys ${spill ? 'go to other parts' : 'get no backend'}`);
      [lastLeftOut, lastEmpty] = [ids.join(), empty.join()];
    };
    return {
      update(members) {
        warnOfLeftOut(members);
        parts.forEach((part, i) => {
          const own = isWhole(part) ? members : members.filter(({ backend }) => isOf(part, backend));
          views[i]?.setBackends(own.map(({ backend }) => backend));
          inner[i]!.update(own);
        });
      },
      select(exchange, pool) {
        // With `random` there always is one.
        shares.draw(hashOf(exchange)!);
        let isOwn = true;
        for (let i = shares.next(); i >= 0; i = shares.next()) {
          const view = views[i];
          const picked: Backend | undefined = pickers.select(inner[i]!, exchange, view === undefined ? pool : view.of(pool));
          if (picked !== undefined) {
            (isOwn ? ownPicks : spilledPicks)[i]!.add();
            return picked;
          }
          if (!spill) return pool.nobody();
          isOwn = false;
        }
        return undefined;
      },
      ...pickers.callbacks(),
    };
  },
});

function throwIfWrong(parts: readonly WholePart[], strategies: number): void {
  if (parts.length !== strategies) throw refused(`there are ${parts.length} parts and ${strategies} strategies in over`, 'say one strategy for each part');
  const twice = parts.find(({ name }, i) => parts.findIndex((other) => other.name === name) !== i);
  if (twice) throw refused(`two parts are named ${JSON.stringify(twice.name)}`, 'keys are drawn by the name: give each its own');
  if (parts.every(({ weight }) => weight === 0)) throw refused('all parts have weight 0', 'give one a weight: nobody would get anything');
}

function refused(message: string, hint: string): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_OPTIONS', { message: `split: ${message}`, hint, source: 'config' });
}

function isWhole({ labels, zone }: WholePart): boolean {
  return zone === '' && Object.keys(labels).length === 0;
}

function isOf({ labels, zone }: WholePart, backend: Backend): boolean {
  return (zone === '' || backend.zone === zone) && Object.entries(labels).every(([name, value]) => backend.labels[name] === value);
}
