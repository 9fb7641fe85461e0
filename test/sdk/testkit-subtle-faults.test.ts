/** Faults that show late: in a branch that is rare, after a change that is not every day's, or in the balancer alone. The kit has to find each. */
import { describe, expect, it } from 'vitest';
import { defineStrategy, hash32 } from '@steelyard/sdk';
import type { Backend, Host, Lease, Member, Outcome, PoolView, StrategyInstance, StrategyUse } from '@steelyard/sdk';
import { available, brokenRules, byChance, oneOf, strategy } from './broken-rules.ts';

/** The least of them, of several one by chance. */
function least(members: readonly Member[], loadOf: (member: Member) => number, host: Host): Member | undefined {
  const fewest = Math.min(...members.map(loadOf));
  return oneOf(members.filter((member) => !(loadOf(member) > fewest)), host);
}

/** Its own number for each backend, the least is picked. */
function measuring(name: string, first: number, more: (numberOf: (backend: Backend) => { is: number }, host: Host) => Partial<StrategyInstance> & { onSelect?: (picked: Backend) => void }): StrategyUse {
  return strategy(name, (host) => {
    const numberOf = host.perBackend(() => ({ is: first }));
    const { onSelect } = more(numberOf, host);
    return (members, pool) => {
      const picked = least(available(members, pool), ({ backend }) => numberOf(backend).is, host)?.backend;
      if (picked) onSelect?.(picked);
      return picked;
    };
  }, (host) => {
    const { onSelect: _, ...rest } = more(host.perBackend(() => ({ is: first })), host);
    return rest;
  });
}

describe('what it is given is changed', () => {
  it('a mark set on the backend itself', () => {
    const mutant = strategy('marks', (host) => (members, pool) => {
      const picked: (Backend & { lastPickedAt?: number }) | undefined = oneOf(available(members, pool), host)?.backend;
      if (picked) picked.lastPickedAt = host.now();
      return picked;
    });
    const told = brokenRules(mutant);
    expect(Object.keys(told)[0]).toBe('never-throws');
    expect(told['never-throws']).toMatch(/lastPickedAt[^]*host\.perBackend/);
  });
  it('the weight of a member, of who failed', () => {
    const mutant = strategy('demotes', byChance, () => {
      let list: readonly Member[] = [];
      return { update: (members) => void (list = members), select: (_exchange, pool) => {
        for (const member of list) if (member.backend.health === 'down') (member as { weight: number }).weight = 0;
        return list.find(({ backend, weight }) => weight > 0 && pool.isAvailable(backend))?.backend;
      } };
    });
    expect(brokenRules(mutant)['never-throws']).toContain('read only');
  });
  it.each(['weight', 'health', 'draining', 'inFlight'] as const)('%s of a backend', (field) => {
    const values = { weight: 7, health: 'unknown', draining: true, inFlight: 99 };
    const mutant = strategy('writes', (host) => (members, pool) => {
      const picked = oneOf(available(members, pool), host)?.backend;
      if (picked && host.random() < 0.01) (picked as unknown as Record<string, unknown>)[field] = values[field];
      return picked;
    });
    expect(brokenRules(mutant)['never-throws']).toMatch(new RegExp(`select set ${field} of 10\\.[\\d.]+:80`));
  });
});

describe('what is kept while the version of the pool stays', () => {
  const cached = (name: string, isStale: (now: number, then: number) => boolean, isDroppedAtUpdate: boolean) => strategy(name, () => () => undefined, (host) => {
    let members: readonly Member[] = [];
    let left: readonly Member[] = [];
    let version = 0;
    return {
      update(given) {
        members = given.filter(({ weight }) => weight > 0);
        if (isDroppedAtUpdate) version = 0;
      },
      select(_exchange, pool) {
        if (isStale(pool.version ?? 0, version)) left = available(members, pool);
        version = pool.version ?? 0;
        return oneOf(left, host)?.backend;
      },
    };
  });
  it('is right where it is dropped with the members, and at version 0', () => {
    expect(brokenRules(cached('sound-cache', (now, then) => now === 0 || now !== then, true))).toEqual({});
  });
  it('but not where an update leaves it', () => {
    expect(Object.keys(brokenRules(cached('forgets-update', (now, then) => now === 0 || now !== then, false)))).not.toEqual([]);
  });
  it('nor where 0 is taken for a version', () => {
    expect(Object.keys(brokenRules(cached('zero', (now, then) => now !== then, true)))).toContain('available-only');
  });
});

describe('chance and clocks in a branch that is rare', () => {
  it.each<[string, (members: readonly Member[], pool: PoolView) => boolean]>([
    ['all are down', (members, pool) => members.length > 0 && available(members, pool).length === 0],
    ['two are left of more than ten', (members, pool) => members.length > 10 && available(members, pool).length === 2],
    ['a thousand are there', (members) => members.length >= 1_000],
  ])('Math.random where %s', (_what, isRare) => {
    const mutant = strategy('rarely', (host) => (members, pool) => {
      if (isRare(members, pool)) Math.random();
      return oneOf(available(members, pool), host)?.backend;
    });
    expect(brokenRules(mutant)['front-door']).toContain('Math.random was called');
  });
  it('Date.now where a body broke off', () => {
    const mutant = strategy('stamps', byChance, () => ({ onEnd: (_lease: Lease, outcome: Outcome) => void (outcome.kind === 'failed' && outcome.phase === 'body' && Date.now()) }));
    expect(brokenRules(mutant)['front-door']).toContain('Date.now was called');
  });
});

describe('counts and averages', () => {
  it('a lease given back twice, with the head and with the end: who answers draws everything', () => {
    const mutant = measuring('twice', 0, (open) => ({
      onStart: ({ backend }) => void open(backend).is++,
      onHead: ({ backend }) => void open(backend).is--,
      onEnd: ({ backend }) => void open(backend).is--,
    }));
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toMatch(/answered with 200[^]*given back twice/);
  });
  it('a count taken in select: not every pick becomes a lease', () => {
    const mutant = measuring('at-select', 0, (open) => ({
      onSelect: (backend) => void open(backend).is++,
      onEnd: ({ backend }) => void open(backend).is--,
    }));
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toContain('count in onStart');
  });
  it('an average that never decays: slow once is slow for ever', () => {
    const mutant = measuring('never-decays', 0, (average) => ({
      onEnd: ({ backend }, { durationMs }) => void (average(backend).is = 0.7 * average(backend).is + 0.3 * durationMs),
    }));
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toContain('whose average a new answer alone could mend');
  });
  it('who was slow is passed over for good', () => {
    const mutant = measuring('no-second-chance', 0, (slow) => ({ onEnd: ({ backend }, { durationMs }) => void (durationMs > 1_000 && (slow(backend).is = 1)) }));
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['balanced']);
    expect(told['balanced']).toMatch(/answered with 200 after 30,000 ms[^]*let what is old weigh less/);
  });
  it('a rate by a duration of 0: not a number, and never the least', () => {
    const mutant = strategy('not-a-number', (host) => {
      const rate = host.perBackend(() => ({ is: 1 }));
      return (members, pool) => available(members, pool).reduce<Member | undefined>((best, each) => (best && !(rate(each.backend).is > rate(best.backend).is || (rate(each.backend).is === rate(best.backend).is && host.random() < 0.5)) ? best : each), undefined)?.backend;
    }, (host) => {
      const rate = host.perBackend(() => ({ is: 1 }));
      return { onEnd: ({ backend }, { bytesFromBackend, durationMs }) => void (rate(backend).is = bytesFromBackend / durationMs) };
    });
    expect(Object.keys(brokenRules(mutant))).toContain('balanced');
  });
});

describe('a place in a circle', () => {
  it('lost with each member that comes or goes, though not with an update that changes nothing', () => {
    let sizeBefore = -1;
    const mutant = strategy('starts-over', () => () => undefined, () => {
      let at = -1;
      let members: readonly Member[] = [];
      return {
        update(given) {
          members = given.filter(({ weight }) => weight > 0);
          if (members.length !== sizeBefore) at = -1;
          sizeBefore = members.length;
        },
        select(_exchange, pool) {
          for (let step = 0; step < members.length; step++) {
            at = (at + 1) % members.length;
            if (pool.isAvailable(members[at]!.backend)) return members[at]!.backend;
          }
          return undefined;
        },
        snapshot: () => at,
        adopt: (state) => void (at = state as number),
      };
    });
    const told = brokenRules(mutant, { properties: { even: true } });
    expect(told['even']).toContain('while another comes and goes');
  });
  it('adopted in a generation that has fewer members', () => {
    const mutant = strategy('adopts-blindly', () => () => undefined, () => {
      let next = 0;
      let members: readonly Member[] = [];
      return {
        update(given) {
          members = given.filter(({ weight }) => weight > 0);
          next = 0;
        },
        select(_exchange, pool) {
          for (let step = 0; step < members.length; step++) {
            const { backend } = members[next]!;
            next = next + 1 === members.length ? 0 : next + 1;
            if (pool.isAvailable(backend)) return backend;
          }
          return undefined;
        },
        snapshot: () => next,
        adopt: (state) => void (next = state as number),
      };
    });
    const told = brokenRules(mutant);
    expect(Object.keys(told)).toEqual(['reload']);
    expect(told['reload']).toMatch(/after a reload with other members[^]*a place beyond the end/);
  });
  it('adopted together with the members of the generation before', () => {
    const mutant = strategy('adopts-members', () => () => undefined, () => {
      let members: readonly Member[] = [];
      return {
        update: (given) => void (members = given.filter(({ weight }) => weight > 0)),
        select: (_exchange, pool) => available(members, pool)[0]?.backend,
        snapshot: () => members,
        adopt: (state) => void (members = state as readonly Member[]),
      };
    });
    expect(Object.keys(brokenRules(mutant))).toEqual(['reload']);
  });
  it('in 16 bits: after 32,768 picks it is below nothing', () => {
    const short = strategy('sixteen-bits', () => {
      const at = new Int16Array(1);
      return (members, pool) => {
        const left = available(members, pool);
        return left[at[0]!++ % Math.max(1, left.length)]?.backend;
      };
    });
    const told = brokenRules(short, { ofInterest: /keeps nothing|only when no member/ });
    expect(Object.keys(told)).not.toEqual([]);
  });
});

describe('names', () => {
  it('places on a ring by host, which several backends may share', () => {
    const ring = (name: string, nameOf: (backend: Backend) => string) => defineStrategy<{}, 'any', 'hash'>({
      name, kind: 'hash', options: {},
      create: () => {
        let points: { at: number; backend: Backend }[] = [];
        return {
          update: (members) => void (points = members.filter(({ weight }) => weight > 0)
            .flatMap(({ backend, weight }) => Array.from({ length: Math.min(500, Math.ceil(40 * weight)) }, (_, point) => ({ at: hash32(nameOf(backend), point) >>> 0, backend })))
            .toSorted((a, b) => a.at - b.at || (a.backend.id < b.backend.id ? -1 : 1))),
          select: (exchange, pool) => {
            const key = hash32(exchange.clientAddress) >>> 0;
            const from = Math.max(0, points.findIndex(({ at }) => at >= key));
            for (let step = 0; step < points.length; step++) {
              const { backend } = points[(from + step) % points.length]!;
              if (pool.isAvailable(backend)) return backend;
            }
            return undefined;
          },
        };
      },
    })();
    const ofInterest = /a key stays/;
    expect(brokenRules(ring('by-id', ({ id }) => id), { properties: { consistent: true }, ofInterest })).toEqual({});
    for (const nameOf of [({ host }: Backend) => host, ({ port }: Backend) => `${port}`]) {
      expect(Object.keys(brokenRules(ring('by-host', nameOf), { properties: { consistent: true }, ofInterest }))).toEqual(['consistent']);
    }
  });
});
