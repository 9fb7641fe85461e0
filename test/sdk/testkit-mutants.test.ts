/** The kit, proved by strategies that are wrong: each is a mistake somebody made, and the rule for it must be the one that finds it. */
import { describe, expect, it } from 'vitest';
import { defineStrategy, hash32 } from '@steelyard/sdk';
import type { Backend, Host, Member, PoolView, StrategyInstance, StrategyUse } from '@steelyard/sdk';
import { StrategyContractError, testStrategy } from '@steelyard/sdk/testkit';
import type { StrategyProperties } from '@steelyard/sdk/testkit';
import { kitSeed } from './broken-rules.ts';

type Select = (candidates: readonly Member[], pool: PoolView, host: Host) => unknown;

/** A strategy that is right but for its choice among the members with a weight; `select` filters unless it wants not to. */
function strategy(name: string, select: Select, more: (instance: StrategyInstance) => Partial<StrategyInstance> = () => ({})): StrategyUse {
  return defineStrategy<{}>({
    name,
    options: {},
    create(_options, host) {
      let members: readonly Member[] = [];
      const instance: StrategyInstance = {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select: (_exchange, pool) => select(members, pool, host) as Backend | undefined,
      };
      return { ...instance, ...more(instance) };
    },
  })();
}

const available = (members: readonly Member[], pool: PoolView): Member[] => members.filter(({ backend }) => pool.isAvailable(backend));
const oneOf = <T>(list: readonly T[], host: Host): T => list[Math.floor(host.random() * list.length)]!;
function byShare(members: readonly Member[], shareOf: (member: Member) => number, host: Host): Member | undefined {
  let mark = host.random() * members.reduce((sum, member) => sum + shareOf(member), 0);
  return members.find((member) => (mark -= shareOf(member)) < 0) ?? members[0];
}
const lessLoaded = (a: Member, b: Member): Member => (b.backend.inFlight / b.weight < a.backend.inFlight / a.weight ? b : a);

/** Ids of the rules that a strategy breaks. What it was told about each lies in `told`. */
function brokenRules(use: StrategyUse, properties?: StrategyProperties): string[] {
  const found = broken(use, properties);
  told = found.map(({ message }) => message);
  return found.map(({ rule }) => rule);
}
let told: string[] = [];
function broken(use: StrategyUse, properties: StrategyProperties = {}): StrategyContractError['broken'] {
  const found: StrategyContractError['broken'][number][] = [];
  const test = (name: string, run: () => void) => {
    // It collects garbage, which is slow in a runner's heap: only where hoarding is the fault.
    if (name.includes('keeps nothing') && use.name !== 'hoards') return;
    try {
      run();
    } catch (thrown) {
      if (!(thrown instanceof StrategyContractError)) throw thrown;
      found.push(...thrown.broken);
    }
  };
  testStrategy(use, { test, properties, seed: kitSeed() });
  return found;
}

/** Two choices done right: what their mutants differ from by one thing. */
const soundP2c = strategy('sound-p2c', (members, pool, host) => {
  const left = available(members, pool);
  if (left.length < 2) return left[0]?.backend;
  const first = Math.floor(host.random() * left.length);
  const other = (first + 1 + Math.floor(host.random() * (left.length - 1))) % left.length;
  return lessLoaded(left[first]!, left[other]!).backend;
});

describe('a sound strategy', () => {
  it('breaks no rule', () => {
    expect(brokenRules(soundP2c, { powerOfChoices: 2, avoidsMostLoaded: true, everyBackend: true })).toEqual([]);
  });
});

describe('mutants of two choices', () => {
  const p2c = { powerOfChoices: 2, avoidsMostLoaded: true };

  it('drawn with replacement (Envoy #14859): the most loaded wins against itself', () => {
    const mutant = strategy('with-replacement', (members, pool, host) => {
      const left = available(members, pool);
      return left.length === 0 ? undefined : lessLoaded(oneOf(left, host), oneOf(left, host)).backend;
    });
    expect(brokenRules(mutant, p2c)).toEqual(['avoids-most-loaded', 'power-of-choices']);
    expect(told[0]).toContain('drawn with replacement: the most loaded is drawn twice with 1/n², here 25.0 %');
  });

  it('not compared at all (Caddy): half of the picks go to the more loaded of two', () => {
    const mutant = strategy('not-compared', (members, pool, host) => {
      const left = available(members, pool);
      return left.length === 0 ? undefined : oneOf(left, host).backend;
    });
    expect(brokenRules(mutant, p2c)).toEqual(['avoids-most-loaded', 'power-of-choices']);
    expect(told[0]).toContain('loads are not compared');
  });

  it('moved on by one on a collision (Traefik): neighbours are drawn half as often again', () => {
    const mutant = strategy('shift-on-collision', (members, pool, host) => {
      const left = available(members, pool);
      if (left.length < 2) return left[0]?.backend;
      const first = Math.floor(host.random() * left.length);
      let other = Math.floor(host.random() * left.length);
      if (other === first) other = (other + 1) % left.length;
      return lessLoaded(left[first]!, left[other]!).backend;
    });
    expect(brokenRules(mutant, p2c)).toEqual(['power-of-choices']);
    expect(told[0]).toContain('makes neighbours likelier');
  });
});

describe('mutants of the contract', () => {
  it('availability ignored', () => {
    const mutant = strategy('blind', (members, _pool, host) => members.length > 0 ? oneOf(members, host).backend : undefined);
    expect(brokenRules(mutant)).toEqual(['available-only']);
    expect(told[0]).toMatch(/picked 10\.[\d.]+:80, which .+\n {2}sample: {3}step \d+: 10\./);
  });

  it('health looked at by itself, so that a retry goes back to where it failed', () => {
    const isUp = ({ backend }: Member) => backend.health !== 'down' && !backend.draining && backend.inFlight < backend.maxInFlight;
    const mutant = strategy('own-health', (members, _pool, host) => {
      const left = members.filter(isUp);
      return left.length > 0 ? oneOf(left, host).backend : undefined;
    });
    expect(brokenRules(mutant)).toEqual(['available-only']);
    expect(told[0]).toContain('who was tried, too');
  });

  it('weight 0 picked', () => {
    const mutant = strategy('all-weights', (_members, pool) => pool.backends.find((backend) => pool.isAvailable(backend)));
    expect(brokenRules(mutant)).toEqual(['weight-zero']);
  });

  it('undefined after a few draws', () => {
    const mutant = strategy('gives-up', (members, pool, host) => {
      for (let draw = 0; draw < 4 && members.length > 0; draw++) {
        const { backend } = oneOf(members, host);
        if (pool.isAvailable(backend)) return backend;
      }
      return undefined;
    });
    expect(brokenRules(mutant)).toEqual(['undefined-only-when-none']);
  });

  it('chance taken from Math.random', () => {
    const mutant = strategy('own-chance', (members, pool) => {
      const left = available(members, pool);
      return left[Math.floor(Math.random() * left.length)]?.backend;
    });
    expect(brokenRules(mutant)).toEqual(['deterministic', 'front-door']);
    expect(told[1]).toMatch(/Math\.random was called \(at .*testkit-mutants\.test\.ts/);
    expect(told[1]).toContain('host.random() in place of Math.random');
  });

  it.each([
    ['Date.now', () => Date.now()],
    ['performance.now', () => performance.now()],
    ['new Date()', () => new Date().getTime()],
    ['process.hrtime', () => process.hrtime()[0]],
    ['crypto.getRandomValues', () => crypto.getRandomValues(new Uint8Array(1))[0]!],
  ])('%s used, though nothing depends on it', (name, use) => {
    const mutant = strategy('own-clock', (members, pool) => (use() >= 0 ? available(members, pool)[0]?.backend : undefined));
    expect(brokenRules(mutant)).toEqual(['front-door']);
    expect(told[0]).toContain(`${name} was called`);
  });

  it('traps are taken away again', () => {
    const names = [[globalThis, 'Date'], [Date, 'now'], [performance, 'now'], [Math, 'random'], [globalThis, 'setTimeout']] as const;
    const descriptors = () => names.map(([owner, name]) => Object.getOwnPropertyDescriptor(owner, name));
    const before = descriptors();
    expect(before[2]).toBeUndefined();
    testStrategy(soundP2c);
    expect(descriptors()).toEqual(before);
    descriptors().forEach((now, i) => expect(now?.value).toBe(before[i]?.value));
  });

  it('state in the module, shared by all pools', () => {
    let cursor = 0;
    const mutant = strategy('module-state', (members, pool) => {
      const left = available(members, pool);
      return left[cursor++ % left.length]?.backend;
    });
    expect(brokenRules(mutant)).toContain('deterministic');
  });

  it('a member returned in place of its backend', () => {
    const mutant = strategy('member', (members, pool) => available(members, pool)[0]);
    expect(brokenRules(mutant)[0]).toBe('returns-a-member');
    expect(told[0]).toContain('return member.backend');
  });

  it('select asynchronous', () => {
    const mutant = strategy('asynchronous', async (members, pool) => available(members, pool)[0]?.backend);
    expect(brokenRules(mutant)[0]).toBe('returns-a-member');
    expect(told[0]).toContain('a promise');
  });

  it('a list from before the last update', () => {
    let kept: readonly Member[] = [];
    const mutant = strategy('stale', (members, pool) => {
      if (kept.length === 0) kept = members;
      return (available(kept, pool)[0] ?? kept[0])?.backend;
    });
    expect(brokenRules(mutant)).toContain('returns-a-member');
  });

  it('a crash without backends', () => {
    const mutant = strategy('divides-by-none', (members, pool, host) => {
      const { backend } = members[Math.floor(host.random() * members.length)]!;
      return pool.isAvailable(backend) ? backend : available(members, pool)[0]?.backend;
    });
    expect(brokenRules(mutant)[0]).toBe('never-throws');
    expect(told[0]).toContain('select threw Cannot');
  });

  it('the request read in a strategy that says any protocol', () => {
    const mutant = defineStrategy<{}>({
      name: 'reads-request', options: {},
      create: () => {
        let members: readonly Member[] = [];
        return {
          update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
          select: (exchange, pool) => (exchange.request!.path === '' ? undefined : available(members, pool)[0]?.backend),
        };
      },
    })();
    expect(brokenRules(mutant)).toEqual(['never-throws']);
  });

  it('the list of members sorted in place', () => {
    const mutant = strategy('sorts', (members, pool) => available(members, pool)[0]?.backend, (instance) => ({
      update: (members) => instance.update((members as Member[]).sort((a, b) => a.weight - b.weight)),
    }));
    expect(brokenRules(mutant)).toContain('never-throws');
    expect(told[0]).toContain('changes the list of members or backends in place');
  });

  it('an outcome that was not thought of', () => {
    const mutant = strategy('no-aborts', (members, pool) => available(members, pool)[0]?.backend, () => ({
      onEnd: (_lease, outcome) => {
        if (outcome.kind === 'aborted') throw new Error(`what is ${outcome.by}?`);
      },
    }));
    expect(brokenRules(mutant)).toEqual(['never-throws']);
    expect(told[0]).toContain('onEnd threw what is');
  });

  it.each([
    ['every lease', () => { const seen: unknown[] = []; return { onStart: (lease: object) => void seen.push(lease) }; }],
    ['a number for every exchange', () => { const seen = new Map<number, number>(); return { onStart: ({ exchange }: { exchange: { id: number } }) => void seen.set(exchange.id, 1) }; }],
    ['every backend there ever was', () => { const seen = new Map<string, number>(); return { onEnd: ({ backend }: { backend: Backend }) => void seen.set(backend.id, 1) }; }],
  ])('%s kept', (_what, more) => {
    const spread = (members: readonly Member[], pool: PoolView, host: Host) => available(members, pool)[Math.floor(host.random() * available(members, pool).length)]?.backend;
    expect(brokenRules(strategy('hoards', spread, more))).toEqual(['keeps-nothing']);
  });

  it('a definition with faults', () => {
    const mutant = defineStrategy<{ choices?: number }>({
      name: 'Bad_Name', stateVersion: 0, options: { choices: { type: 'integer', minimum: 2, default: 1 } },
      create: () => ({ update() {}, select: (_exchange, pool) => pool.backends[0] }),
    });
    const [{ rule, message } = { rule: '', message: '' }] = broken(mutant({ choices: 1.5 }));
    expect(rule).toBe('definition');
    for (const fault of ['"Bad_Name"', 'stateVersion 0', 'options.choices: the default 1 is out of range', 'options.choices 1.5 is no integer']) {
      expect(message).toContain(fault);
    }
  });

  it('snapshot without adopt', () => {
    const mutant = strategy('half', (members, pool) => available(members, pool)[0]?.backend, () => ({ snapshot: () => 1 }));
    expect(brokenRules(mutant)).toEqual(['definition']);
  });

  it('a snapshot that forgets the place', () => {
    expect(brokenRules(rotating('forgetful', () => ({ snapshot: () => 0, adopt() {} })), { even: true })).toEqual(['reload', 'even']);
  });
});

/** Round-robin by a cursor over the available. */
function rotating(name: string, more: () => Partial<StrategyInstance>, next: (cursor: number, members: readonly Member[], pool: PoolView) => [number, Backend | undefined] = (cursor, members, pool) => {
  for (let step = 1; step <= members.length; step++) {
    const at = (cursor + step) % members.length;
    if (pool.isAvailable(members[at]!.backend)) return [at, members[at]!.backend];
  }
  return [cursor, undefined];
}): StrategyUse {
  return defineStrategy<{}>({
    name,
    options: {},
    create() {
      let cursor = -1;
      let members: readonly Member[] = [];
      return {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select(_exchange, pool) {
          const [at, picked] = next(cursor, members, pool);
          cursor = at;
          return picked;
        },
        snapshot: () => cursor,
        adopt: (state) => void (cursor = state as number),
        ...more(),
      };
    },
  })();
}

describe('mutants of shares', () => {
  it('a cursor that goes on by one while somebody is down: the neighbour gets two turns', () => {
    const naive = (cursor: number, members: readonly Member[], pool: PoolView): [number, Backend | undefined] => {
      const start = cursor + 1;
      for (let step = 0; step < members.length; step++) {
        const { backend } = members[(start + step) % members.length]!;
        if (pool.isAvailable(backend)) return [start, backend];
      }
      return [start, undefined];
    };
    expect(brokenRules(rotating('sound-rotation', () => ({})), { even: true })).toEqual([]);
    expect(brokenRules(rotating('doubles', () => ({}), naive), { even: true })).toEqual(['even']);
    expect(told[0]).toContain('while the second is down');
  });

  it('weights that come in a row: exact, but not smooth', () => {
    const inARow = (cursor: number, members: readonly Member[], pool: PoolView): [number, Backend | undefined] => {
      const row = available(members, pool).flatMap(({ backend, weight }) => Array.from({ length: Math.max(1, weight) }, () => backend));
      return [cursor + 1, row[(cursor + 1) % Math.max(1, row.length)]];
    };
    expect(brokenRules(rotating('bursty', () => ({}), inARow), { weighted: 'exactly', smooth: true })).toEqual(['smooth']);
  });

  it('weights not looked at, or looked at twice', () => {
    const even = strategy('even', (members, pool, host) => {
      const left = available(members, pool);
      return left.length > 0 ? oneOf(left, host).backend : undefined;
    });
    const squared = strategy('squared', (members, pool, host) => byShare(available(members, pool), ({ weight }) => weight ** 2, host)?.backend);
    expect(brokenRules(even, { weighted: true })).toEqual(['weighted']);
    expect(told[0]).toContain('does not look at the weights');
    expect(brokenRules(squared, { weighted: true })).toEqual(['weighted']);
  });

  it('what an unavailable backend would get goes to its neighbour', () => {
    const mutant = strategy('neighbour', (members, pool, host) => {
      let mark = host.random() * members.reduce((sum, { weight }) => sum + weight, 0);
      const at = members.findIndex(({ weight }) => (mark -= weight) < 0);
      return available([...members.slice(at), ...members.slice(0, at)], pool)[0]?.backend;
    });
    expect(brokenRules(mutant, { weighted: true })).toEqual(['weighted']);
    expect(told[0]).toContain('share it out by weight');
  });

  it('shares by chance, declared as exact', () => {
    const mutant = strategy('chance', (members, pool, host) => byShare(available(members, pool), ({ weight }) => weight, host)?.backend);
    expect(brokenRules(mutant, { weighted: true })).toEqual([]);
    expect(brokenRules(mutant, { weighted: 'exactly' })).toEqual(['weighted-exactly']);
  });

  it('ties that always go to the first', () => {
    const mutant = strategy('first-of-tied', (members, pool) => available(members, pool).reduce<Member | undefined>((best, each) => (best ? lessLoaded(best, each) : each), undefined)?.backend);
    expect(brokenRules(mutant, { leastLoaded: true, avoidsMostLoaded: true, everyBackend: true })).toEqual(['every-backend']);
  });

  it('a count of its own that is not given back when the client leaves', () => {
    const counts = new Map<string, number>();
    const mutant = strategy('counts-itself', (members, pool) => {
      const load = ({ backend }: Member) => counts.get(backend.id) ?? 0;
      return available(members, pool).toSorted((a, b) => load(a) - load(b))[0]?.backend;
    }, () => {
      counts.clear();
      const add = (id: string, by: number) => void counts.set(id, (counts.get(id) ?? 0) + by);
      return {
        onStart: ({ backend }) => add(backend.id, 1),
        onEnd: ({ backend }, outcome) => void (outcome.kind === 'aborted' || add(backend.id, -1)),
      };
    });
    expect(brokenRules(mutant, { everyBackend: true })).toContain('every-backend');
  });

  it('a load that forgets the weight, or has it on the wrong side', () => {
    for (const load of [({ backend }: Member) => backend.inFlight, ({ backend, weight }: Member) => backend.inFlight * weight]) {
      const mutant = strategy('wrong-load', (members, pool) => available(members, pool).toSorted((a, b) => load(a) - load(b))[0]?.backend);
      expect(brokenRules(mutant, { leastLoaded: true })).toEqual(['least-loaded']);
    }
  });
});

/** A hash strategy that is right but for where a key belongs. `build` is called by each update. */
function hashing(name: string, build: (members: readonly Member[], host: Host) => (key: number, pool: PoolView) => Backend | undefined): StrategyUse {
  return defineStrategy<{}, 'any', 'hash'>({
    name, kind: 'hash', options: {},
    create(_options, host) {
      let pick: (key: number, pool: PoolView) => Backend | undefined;
      return {
        update: (members) => void (pick = build(members.filter(({ weight }) => weight > 0), host)),
        select: (exchange, pool) => pick(hash32(exchange.clientAddress), pool),
      };
    },
  })();
}
type Place = { at: number; backend: Backend };
function onRing(places: readonly Place[]): (key: number, pool: PoolView) => Backend | undefined {
  const ring = places.toSorted((one, two) => one.at - two.at);
  return (key, pool) => {
    let from = 0;
    for (let to = ring.length; from < to;) {
      const middle = (from + to) >> 1;
      if (ring[middle]!.at < key >>> 0) from = middle + 1;
      else to = middle;
    }
    for (let step = 0; step < ring.length; step++) {
      const { backend } = ring[(from + step) % ring.length]!;
      if (pool.isAvailable(backend)) return backend;
    }
    return undefined;
  };
}
/** As many for each unit of weight, fewer where the ring would get too large. */
function pointsOf(members: readonly Member[], each: number, seedOf: (member: Member, index: number) => string): Place[] {
  const wanted = members.reduce((sum, { weight }) => sum + each * weight, 0);
  const factor = Math.min(1, 4_000 / wanted);
  return members.flatMap((member, index) =>
    Array.from({ length: Math.ceil(each * member.weight * factor) }, (_, point) => ({ at: hash32(seedOf(member, index), point) >>> 0, backend: member.backend })));
}

describe('mutants of hashes', () => {
  const byId = ({ backend }: Member) => backend.id;

  it('a ring that is right breaks no rule', () => {
    expect(brokenRules(hashing('sound-ring', (members) => onRing(pointsOf(members, 40, byId))), { consistent: true })).toEqual([]);
  });

  it('a ring rebuilt with everything moved: hash % n', () => {
    const mutant = hashing('modulo', (members) => (key, pool) => {
      const order = members.toSorted((one, two) => (one.backend.id < two.backend.id ? -1 : 1));
      for (let step = 0; step < order.length; step++) {
        // A second choice of the key's own, so that nothing else is wrong with it.
        const { backend } = order[(hash32(`${key}`, step) >>> 0) % order.length]!;
        if (pool.isAvailable(backend)) return backend;
      }
      return available(order, pool)[0]?.backend;
    });
    expect(brokenRules(mutant, { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toMatch(/keys moved when .* left, though they did not have to/);
    expect(told[0]).toContain('hash % n');
    expect(brokenRules(mutant, { consistent: { maxMoved: 0.05 } })).toEqual(['consistent']);
  });

  it('a ring drawn anew at each update', () => {
    const mutant = hashing('redrawn', (members, host) => {
      const salt = host.random();
      return onRing(pointsOf(members, 40, (member) => `${byId(member)} ${salt}`));
    });
    expect(brokenRules(mutant, { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toContain('after an update that changes nothing');
  });

  it('points by the index in the list', () => {
    const mutant = hashing('by-index', (members) => onRing(pointsOf(members, 40, (_member, index) => `${index}`)));
    expect(brokenRules(mutant, { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toContain('take them from backend.id');
  });

  it('a ring of those that are available alone', () => {
    const mutant = hashing('rebuilt-when-down', (members) => (key, pool) => {
      const left = available(members, pool).toSorted((one, two) => (one.backend.id < two.backend.id ? -1 : 1));
      return left.length === 0 ? undefined : left[(key >>> 0) % left.length]!.backend;
    });
    expect(brokenRules(mutant, { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toContain('is down');
  });

  it('a few points only, or all of a failed backend to its neighbour', () => {
    expect(brokenRules(hashing('one-point', (members) => onRing(pointsOf(members, 1, byId))), { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toContain('its share is');
    // Evenly divided, so that shares are right: who fails leaves everything to the next.
    const neighbour = hashing('neighbour', (members) => {
      const order = members.toSorted((one, two) => (hash32(one.backend.id) < hash32(two.backend.id) ? -1 : 1));
      return onRing(order.map(({ backend }, i) => ({ at: (2 ** 32 / order.length) * (i + 1) - 1, backend })));
    });
    expect(brokenRules(neighbour, { consistent: { maxMoved: 1 } })).toEqual(['consistent']);
    expect(told[0]).toContain('one neighbour takes all');
  });

  it('chance in place of the key', () => {
    const mutant = strategy('random', (members, pool, host) => oneOf(available(members, pool), host)?.backend);
    expect(brokenRules(mutant, { consistent: true })).toEqual(['consistent']);
    expect(told[0]).toContain('in a second pick');
  });
});
