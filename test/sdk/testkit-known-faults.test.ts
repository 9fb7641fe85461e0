/** Faults that shipped somewhere, or that an author of a first strategy makes: the kit has to find each, and to name it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as later } from 'node:timers';
import { describe, expect, it } from 'vitest';
import { defineStrategy } from '@steelyard/sdk';
import type { Backend, Lease, Member, Outcome, PoolView, StrategyUse } from '@steelyard/sdk';
import { available, brokenRules, byChance, oneOf, strategy } from './broken-rules.ts';

const inFlight = ({ backend }: Member) => backend.inFlight;
const fewest = (members: readonly Member[], loadOf: (member: Member) => number): Member | undefined =>
  members.reduce<Member | undefined>((best, each) => (best && loadOf(best) <= loadOf(each) ? best : each), undefined);

describe('faults of other balancers', () => {
  it('the list of the best so far is not emptied when a better one comes (Caddy): loads 100 and 1 are picked half and half', () => {
    const mutant = strategy('caddy-choice', (host) => (members, pool) => {
      const left = available(members, pool);
      const drawn = new Set<Member>();
      while (drawn.size < Math.min(2, left.length)) drawn.add(oneOf(left, host)!);
      const best: Member[] = [];
      for (const each of left.filter((one) => drawn.has(one))) if (best.every((other) => inFlight(each) <= inFlight(other))) best.push(each);
      return oneOf(best, host)?.backend;
    });
    const told = brokenRules(mutant, { properties: { avoidsMostLoaded: true, powerOfChoices: 2 } });
    expect(Object.keys(told)).toEqual(['avoids-most-loaded', 'power-of-choices']);
    expect(told['avoids-most-loaded']).toMatch(/\(\d\d\.\d %\) went to the most loaded[^]*a list of the best so far is not emptied/);
  });

  it('sampling with replacement (Envoy): the most loaded meets itself', () => {
    const mutant = strategy('with-replacement', (host) => (members, pool) => {
      const left = available(members, pool);
      return fewest([oneOf(left, host), oneOf(left, host)].filter((one) => one !== undefined), inFlight)?.backend;
    });
    const told = brokenRules(mutant, { properties: { avoidsMostLoaded: true, powerOfChoices: 2 } });
    expect(Object.keys(told)).toEqual(['avoids-most-loaded', 'power-of-choices']);
    expect(told['avoids-most-loaded']).toContain('drawn with replacement');
  });

  it('two indices, the second moved on where they meet (Traefik): neighbours are drawn half as often again', () => {
    const mutant = strategy('traefik-choice', (host) => (members, pool) => {
      const left = available(members, pool);
      if (left.length < 2) return left[0]?.backend;
      const one = Math.floor(host.random() * left.length);
      const other = Math.floor(host.random() * left.length);
      return fewest([left[one]!, left[other === one ? (other + 1) % left.length : other]!], inFlight)!.backend;
    });
    const told = brokenRules(mutant, { properties: { avoidsMostLoaded: true, powerOfChoices: 2 } });
    expect(Object.keys(told)).toEqual(['power-of-choices']);
    expect(told['power-of-choices']).toContain('makes neighbours likelier');
  });

  /** A counter over the sum of the weights: who has weight n gets n picks in a row. */
  const inARow = (weightsOf: (members: readonly Member[], pool: PoolView) => readonly Member[], pickFrom: (members: readonly Member[], pool: PoolView) => readonly Member[]) =>
    (): ((members: readonly Member[], pool: PoolView) => Backend | undefined) => {
      let turn = 0;
      return (members, pool) => {
        const weights = weightsOf(members, pool);
        const list = pickFrom(members, pool);
        let mark = turn++ % Math.max(1, weights.reduce((sum, { weight }) => sum + weight, 0));
        const at = weights.findIndex(({ weight }) => (mark -= weight) < 0);
        return list[Math.max(0, at) % Math.max(1, list.length)]?.backend;
      };
    };

  it('weights that come in bursts (Caddy, Pingora): exact, and not smooth', () => {
    const told = brokenRules(strategy('bursts', inARow(available, available)), { properties: { weighted: 'exactly', smooth: true } });
    expect(Object.keys(told)).toEqual(['smooth']);
    expect(told['smooth']).toContain('the picks of a heavy backend come in a row');
  });

  it('the index of the weight list applied to the list without those that are down (Caddy): shares go to the wrong ones', () => {
    const told = brokenRules(strategy('shifted', inARow((members) => members, available)), { properties: { weighted: true } });
    expect(Object.keys(told)).toEqual(['weighted']);
    expect(told['weighted']).toContain('the first down');
  });

  it('weights that nobody looks at', () => {
    const told = brokenRules(strategy('unweighted', byChance), { properties: { weighted: true } });
    expect(Object.keys(told)).toEqual(['weighted']);
    expect(told['weighted']).toContain('it does not look at the weights of update(members)');
  });

  it('a drained backend picked, because only its health is asked', () => {
    const mutant = strategy('drained', (host) => (members, pool) =>
      oneOf(members.filter(({ backend }) => backend.health !== 'down' && (pool.isAvailable(backend) || backend.draining)), host)?.backend);
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['available-only']);
    expect(told['available-only']).toMatch(/it picked 10\.[\d.]+:80, which is draining[^]*knows who drains/);
  });

  it('a backend picked that this request has tried already', () => {
    const mutant = strategy('tries-again', (host) => (members) => oneOf(members.filter(({ backend }) => isUp(backend)), host)?.backend);
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['available-only']);
    expect(told['available-only']).toContain('which was tried already');
  });
  const isUp = ({ health, draining, inFlight: open, maxInFlight }: Backend) => health !== 'down' && !draining && open < maxInFlight;
});

/** Its own count of what is open, given back or not. */
function counting(name: string, isGivenBack: (outcome: Outcome) => boolean): StrategyUse {
  return defineStrategy<{}>({
    name, options: {},
    create(_options, host) {
      const counts = host.perBackend(() => ({ open: 0 }));
      let members: readonly Member[] = [];
      return {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select: (_exchange, pool) => fewest(available(members, pool), ({ backend }) => counts(backend).open)?.backend,
        onStart: ({ backend }) => void counts(backend).open++,
        onEnd: ({ backend }, outcome) => void (isGivenBack(outcome) && counts(backend).open--),
      };
    },
  })();
}

describe('in-flight that leaks', () => {
  it('is none where every end is heard', () => {
    expect(brokenRules(counting('sound-count', () => true))).toEqual({});
  });
  it.each<[string, (outcome: Outcome) => boolean, string]>([
    ['every end is ignored', () => false, 'answered with 200'],
    ['an answer with an error', ({ status }) => status < 500, 'answered with 500'],
    ['a failure', ({ kind }) => kind !== 'failed', 'failed in connect'],
    ['a failure in the body', (outcome) => outcome.kind !== 'failed' || outcome.phase !== 'body', 'failed in body'],
    ['a client that went away', ({ kind }) => kind !== 'aborted', 'aborted by the client'],
    ['a refusal by a plugin', (outcome) => outcome.kind !== 'aborted' || outcome.by !== 'plugin', 'aborted by the plugin'],
  ])('is found where this is forgotten: %s', (_what, isGivenBack, ended) => {
    const told = brokenRules(counting('leaks', isGivenBack));
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toContain(`all ended: ${ended}`);
    expect(told['balanced']).toContain('a count taken in onStart is not given back in onEnd for every outcome');
  });
  it('is found in a ban that never ends', () => {
    const mutant = strategy('bans', (host) => (members, pool) => {
      const left = available(members, pool);
      return oneOf(left.filter(({ backend }) => !banned(host)(backend).is), host)?.backend ?? left[0]?.backend;
    }, (host) => ({ onEnd: ({ backend }: Lease, { kind }: Outcome) => void (kind === 'failed' && (banned(host)(backend).is = true)) }));
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toContain('a backend that failed is never tried again');
  });
  const banned = (host: { perBackend<T>(init: (backend: Backend) => T, key?: string): (backend: Backend) => T }) => host.perBackend(() => ({ is: false }), 'ban');
});

describe('clocks and chance of its own', () => {
  it.each([
    ['crypto.randomBytes', () => randomBytes(1)[0]!],
    ['process.hrtime.bigint', () => Number(process.hrtime.bigint() & 1n)],
    ['process.uptime', () => process.uptime()],
    ['Date()', () => Date().length],
    ['crypto.randomUUID', () => crypto.randomUUID().length],
    ['setTimeout', () => { clearTimeout(later(() => {}, 1)); return 1; }],
    ['setImmediate', () => { clearImmediate(setImmediate(() => {})); return 1; }],
  ])('%s is seen, imported by name or not', (name, use) => {
    const mutant = strategy('own-clock', () => (members, pool) => (use() >= 0 ? available(members, pool)[0]?.backend : undefined));
    const told = brokenRules(mutant, { ofInterest: /time and chance/ });
    expect(told['front-door']).toContain(`${name} was called`);
    expect(told['front-door']).toMatch(/at .*testkit-known-faults\.test\.ts/);
  });
  it('is seen in a snapshot too', () => {
    const mutant = strategy('stamped', byChance, () => ({ snapshot: () => Date.now(), adopt() {} }));
    expect(brokenRules(mutant, { ofInterest: /time and chance/ })['front-door']).toContain('host.now() in place of Date.now');
  });
  it('a rate that divides by the time since the last pick: the clock stands still', () => {
    const mutant = strategy('rate', (host) => {
      let last = host.now();
      return (members, pool) => {
        const left = available(members, pool);
        const share = (host.now() - last) / (host.now() - last);
        last = host.now();
        return left[Math.floor(share * (left.length - 1))]?.backend;
      };
    });
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toContain('undefined-only-when-none');
  });
  it('an age by the wall clock: somebody sets it back', () => {
    const mutant = strategy('wall-clock', (host) => {
      const from = host.wallTime();
      return (members, pool) => (host.wallTime() >= from ? available(members, pool)[0]?.backend : undefined);
    });
    expect(Object.keys(brokenRules(mutant))).toContain('undefined-only-when-none');
  });
});

describe('large pools', () => {
  it('a bit for each backend in an integer: with forty the wrong one is picked', () => {
    const mutant = strategy('bits', (host) => (members, pool) => {
      const mask = members.reduce((bits, { backend }, i) => (pool.isAvailable(backend) ? bits | (1 << i) : bits), 0);
      if (mask === 0) return undefined;
      let at = Math.floor(host.random() * members.length);
      while ((mask & (1 << at)) === 0) at = (at + 1) % members.length;
      return members[at]!.backend;
    });
    expect(Object.keys(brokenRules(mutant))).toEqual(['available-only']);
  });
  it('a hundred draws, then none: of a thousand one is available', () => {
    const mutant = strategy('draws', (host) => (members, pool) => {
      for (let draw = 0; draw < 100 && members.length > 0; draw++) {
        const { backend } = oneOf(members, host)!;
        if (pool.isAvailable(backend)) return backend;
      }
      return undefined;
    });
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['undefined-only-when-none']);
    expect(told['undefined-only-when-none']).toContain('end with a scan of all');
  });
  it('a backend looked up by its id, which somebody new has: the old object comes back', () => {
    const mutant = strategy('by-id', (host) => {
      const known = new Map<string, Backend>();
      return (members, pool) => {
        for (const { backend } of members) if (!known.has(backend.id)) known.set(backend.id, backend);
        const left = available(members, pool);
        const picked = oneOf(left, host)?.backend;
        return picked && known.get(picked.id);
      };
    });
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['returns-a-member']);
    expect(told['returns-a-member']).toContain('it keeps a list from before the last update');
  });
});

describe('memory', () => {
  const kept = (mutant: StrategyUse) => brokenRules(mutant, { ofInterest: /keeps nothing/ })['keeps-nothing'];
  it('of every client, of every request', () => {
    const mutant = strategy('by-client', (host) => {
      const seen = new Map<string, number>();
      return (members, pool, clientAddress) => {
        seen.set(clientAddress, (seen.get(clientAddress) ?? 0) + 1);
        return byChance(host)(members, pool, clientAddress);
      };
    });
    expect(kept(mutant)).toMatch(/\d+ bytes more for each lease[^]*a limit for what is kept by client/);
  });
  it('of every pick, though no lease is opened', () => {
    const mutant = strategy('history', (host) => {
      const picks: number[] = [];
      return (members, pool) => {
        const left = available(members, pool);
        // One in four, so that it is little beside a lease.
        if (host.random() < 0.25) picks.push(left.length);
        return oneOf(left, host)?.backend;
      };
    });
    expect(kept(mutant)).toMatch(/bytes more for each pick[^]*select keeps something of every pick/);
  });
});

describe('never picked', () => {
  it('one of the backends, by an index that ends too early', () => {
    const mutant = strategy('all-but-last', (host) => (members, pool) => {
      const left = available(members, pool);
      return left[Math.floor(host.random() * Math.max(1, left.length - 1))]?.backend;
    });
    const told = brokenRules(mutant, { properties: { everyBackend: true } });
    expect(Object.keys(told)).toEqual(['every-backend']);
    expect(told['every-backend']).toMatch(/backend 2 got none of \d+ picks/);
  });
});

describe('options', () => {
  const choosing = (schema: { minimum?: number; maximum?: number }, name = 'choosing') => defineStrategy<{ choices?: number }>({
    name, options: { choices: { type: 'integer', default: 2, ...schema } },
    create({ choices }, host) {
      let members: readonly Member[] = [];
      return {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select(_exchange, pool) {
          const left = available(members, pool);
          const drawn = Array.from({ length: choices }, () => oneOf(left, host)).filter((one) => one !== undefined);
          return fewest(drawn, inFlight)?.backend;
        },
      };
    },
  })();

  it('a schema that keeps out what does not work is in order', () => {
    expect(brokenRules(choosing({ minimum: 1, maximum: 100 }))).toEqual({});
  });
  it.each([['-1', { maximum: 100 }], ['0', { minimum: 0, maximum: 100 }]])('a schema that admits %s, with which nothing works, is too wide', (value, schema) => {
    const told = brokenRules(choosing(schema));
    expect(Object.keys(told)).toEqual(['options']);
    expect(told['options']).toContain(`options.choices ${value}`);
    expect(told['options']).toContain('the schema is too wide');
  });
  it('create that refuses has to say so by its code', () => {
    const refusing = defineStrategy<{ size?: number }>({
      name: 'refusing', options: { size: { type: 'integer', minimum: 0, maximum: 9, default: 2 } },
      create({ size }, host) {
        if (size === 0) throw new Error('size is 0');
        let members: readonly Member[] = [];
        return { update: (given) => void (members = given.filter(({ weight }) => weight > 0)), select: (_exchange, pool) => oneOf(available(members, pool), host)?.backend };
      },
    })();
    expect(brokenRules(refusing)['options']).toMatch(/create threw size is 0[^]*ERR_PLUGIN_OPTIONS/);
  });
});
