import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import expectedDelay from '@steelyard/plugins/expected-delay';
import { aborted, answered, failed, strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { Belief } from '../../plugins/expected-delay/belief.ts';
import { UsualPace } from '../../plugins/expected-delay/usual-pace.ts';
import { BOXED_NUMBER_BYTES, bytesPerPick } from './pick-bytes.ts';

testStrategy(expectedDelay(), { test, properties: { everyBackend: true, avoidsMostLoaded: true, leastLoaded: (inFlight, weight) => (inFlight + 1) / weight } });

describe('the belief', () => {
  it('is as usual at first, and in time what is likely of anybody', () => {
    const belief = new Belief();
    expect(belief.speed).toBe(1);
    // 6/9 as usual, and 1/9 each of 1/2, 1/4 and 1/8.
    expect(belief.speedAfter(0, 0)).toBeCloseTo((6 + 0.5 + 0.25 + 0.125) / 9, 12);
  });
  it('follows Bayes: silence and answers as a Poisson process gives them', () => {
    const belief = new Belief();
    belief.pass(0, 0);
    belief.pass(3, 1);
    belief.answered();
    belief.pass(1.5, 1);
    const likely = [6, 1, 1, 1].map((prior, i) => (prior * Math.exp(-4.5 / 2 ** i)) / 2 ** i);
    const speed = likely.reduce((sum, one, i) => sum + one / 2 ** i, 0) / likely.reduce((sum, one) => sum + one, 0);
    expect([belief.speed, belief.speedAfter(0, 1)]).toEqual([expect.closeTo(speed, 12), expect.closeTo(speed, 12)]);
  });
  it('falls with silence, rises with answers, and stays between an eighth and one, whatever comes', () => {
    const step = fc.oneof(fc.constant('answer' as const), fc.record({ expected: fc.double({ min: 0, max: 1e12, noNaN: true }), kept: fc.double({ min: 0, max: 1, noNaN: true }) }));
    fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const belief = new Belief();
      return steps.every((one) => {
        const before = belief.speed;
        if (one === 'answer') belief.answered();
        else belief.pass(one.expected, one.kept);
        const after = belief.speed;
        const isInRange = after >= 1 / 8 - 1e-9 && after <= 1 + 1e-9;
        const isRightWay = one === 'answer' ? after >= before - 1e-9 : one.kept < 1 || after <= before + 1e-9;
        return isInRange && isRightWay && belief.speedAfter(1, 1) <= after + 1e-9;
      });
    }));
  });
});

describe('the usual pace', () => {
  const after = (...spans: readonly (readonly [inFlight: number, ms: number])[]) => {
    const pace = new UsualPace();
    for (const [inFlight, ms] of spans) {
      pace.pass(inFlight, ms);
      pace.answered(inFlight);
    }
    return pace;
  };
  const ofEach = (inFlight: number, ms: number) => Array.from({ length: 8 }, () => [inFlight, ms] as const);
  // The newest answers count most, by 1/256 each: seven answers before the eighth.
  const LEAST = [...ofEach(2, 20), [2, 20] as const];

  it('is the answers by the time with so many in flight', () => {
    const pace = after(...LEAST);
    expect(pace.at(2)).toBeCloseTo(1 / 20, 12);
    expect(pace.at(0)).toBe(0);
  });
  it('is unknown until there are eight answers, with any number in flight', () => {
    expect(after(...LEAST.slice(2)).at(2)).toBe(0);
    expect([1, 2, 3, 500].map((inFlight) => after(...LEAST).at(inFlight))).toEqual([1, 2, 3, 500].map(() => expect.closeTo(1 / 20, 12)));
  });
  it('prefers the nearest lower number', () => {
    const pace = after(...LEAST, ...LEAST.map(() => [4, 5] as const));
    expect([3, 4, 9, 1].map((inFlight) => Math.round(1 / pace.at(inFlight)))).toEqual([20, 5, 5, 20]);
  });
  it('follows what the last 256 answers say', () => {
    const pace = after(...LEAST, ...Array.from({ length: 1_500 }, () => [2, 80] as const));
    expect(1 / pace.at(2)).toBeGreaterThan(79);
  });
});

describe('expected-delay', () => {
  const started = (options = {}, specs: { id: string; weight?: number }[] = [{ id: 'a' }, { id: 'b' }]) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(expectedDelay(options), w);
    const [a, b] = w.backends(specs) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    /** One after the other, so many answers, each after so long. */
    const serve = (backend: FakeBackend, count: number, ms: number) => {
      for (let i = 0; i < count; i++) {
        const lease = strategy.open(backend);
        w.advance(ms);
        lease.end();
      }
    };
    /** Of ten picks, each ended at once as if it had never been. */
    const taken = () => {
      const picks = Array.from({ length: 10 }, () => strategy.select());
      return picks.filter((backend) => backend === a).length;
    };
    return { w, strategy, a, b, serve, taken };
  };
  /** Both at 20 ms a request. */
  const learnt = (options = {}) => {
    const s = started(options);
    s.serve(s.a, 30, 20);
    s.serve(s.b, 30, 20);
    return s;
  };

  it('goes by in-flight as long as nobody is slow', () => {
    const { strategy, a, b } = learnt();
    const [first, second] = [strategy.open(a), strategy.open(a)];
    strategy.open(b);
    expect(strategy.select()).toBe(b);
    first.end(aborted());
    second.end(aborted());
    expect(strategy.select()).toBe(a);
  });
  it('shares a quiet pool by chance among those of the greatest weight', () => {
    const s = started({}, [{ id: 'a', weight: 3 }, { id: 'b' }]);
    // In flight counts the new one: 1/3 against 1, so the strong one alone.
    expect(s.taken()).toBe(10);
    const { strategy, a } = learnt();
    const ofA = Array.from({ length: 400 }, () => strategy.select()).filter((backend) => backend === a).length;
    // Binomial, n = 400, p = 1/2: the standard deviation is 10. Five of them.
    expect(Math.abs(ofA - 200)).toBeLessThan(50);
  });
  it('says the scores that it compares: an idle one that is little slower than usual is as good as any', () => {
    const { w, strategy, a, b, serve } = learnt();
    const scoreOf = (backend: FakeBackend) => strategy.instance.score!(strategy.members.find((member) => member.backend === backend)!, w.exchange());
    serve(a, 1, 40);
    expect(new Set(Array.from({ length: 50 }, () => strategy.select())).size).toBe(2);
    expect([scoreOf(a), scoreOf(b)]).toEqual([1, 1]);
    serve(a, 4, 100);
    expect(scoreOf(a)).toBeGreaterThan(1 / 0.7);
  });
  it('turns away from one that becomes slow, until so much waits at the other that it is worth it', () => {
    const { strategy, a, b, serve, taken } = learnt();
    serve(a, 4, 100);
    expect(taken()).toBe(0);
    const leases = Array.from({ length: 2 }, () => strategy.open(b));
    expect(taken()).toBe(0);
    leases.push(...Array.from({ length: 6 }, () => strategy.open(b)));
    expect(taken()).toBe(10);
  });
  it('hears silence: turns away before the first slow answer has come', () => {
    const { w, strategy, a, b } = learnt();
    strategy.open(a);
    // 120 ms are six answers' time; b gives all of them.
    const onB = [strategy.open(b)];
    for (let i = 0; i < 6; i++) {
      w.advance(20);
      onB.pop()!.end();
      onB.push(strategy.open(b));
    }
    strategy.open(b);
    // Two there, one here.
    expect(strategy.select()).toBe(b);
  });
  it('does not count the queue twice: many in flight, each through in its turn, are no sign of slowness', () => {
    const { w, strategy, a, b, taken } = learnt();
    // Ten at a, one after the other: the last takes 200 ms, at the usual pace.
    const queue = Array.from({ length: 10 }, () => strategy.open(a));
    for (const lease of queue) {
      w.advance(20);
      lease.end();
    }
    strategy.open(b);
    expect(taken()).toBe(10);
  });
  it('compares those that serve many at once by as many in flight', () => {
    const { w, strategy, a, b } = started();
    // 100 ms each, whatever else is there: a has one at a time, b ten, of which one ends every 10 ms.
    const onB = Array.from({ length: 10 }, () => strategy.open(b));
    for (let i = 0; i < 30; i++) {
      const onA = strategy.open(a);
      for (let j = 0; j < 10; j++) {
        w.advance(10);
        onB.shift()!.end();
        onB.push(strategy.open(b));
      }
      onA.end();
    }
    while (onB.length > 0) onB.pop()!.end(aborted());
    strategy.open(a);
    expect(strategy.select()).toBe(b);
    strategy.open(b);
    strategy.open(b);
    expect(strategy.select()).toBe(a);
  });
  it('compares backends with those of the same weight: a strong one makes nobody else slow', () => {
    const { strategy, a, b, serve, taken } = started({}, [{ id: 'a', weight: 1 }, { id: 'b', weight: 5 }]);
    for (let i = 0; i < 30; i++) {
      serve(b, 10, 20);
      serve(a, 1, 100);
    }
    // 1/1 against 6/5. By b's measure a would be four times slower than usual.
    Array.from({ length: 5 }, () => strategy.open(b));
    expect(taken()).toBe(10);
  });
  it('comes back to a slow one in time, the sooner the shorter it holds to what it learnt', () => {
    const back = (holdMs: number) => {
      const { w, strategy, a, serve } = learnt({ holdMs });
      serve(a, 6, 160);
      let waited = 0;
      while (!Array.from({ length: 20 }, () => strategy.select()).includes(a)) {
        w.advance(100);
        waited += 100;
      }
      return waited;
    };
    expect(back(1_000)).toBeGreaterThan(500);
    // Speed 0.7 again when 1 - w of the prior's 0.764 and w of about 1/6 are it: w = 0.11, 2.2 times the hold.
    expect(back(1_000)).toBeLessThan(4_000);
    expect(back(10_000)).toBeGreaterThan(5 * back(1_000));
  });
  it('takes nobody for faster than usual, so that one that fails or answers at once draws no more than an idle one', () => {
    const { strategy, a, b, serve, taken } = learnt();
    for (let i = 0; i < 50; i++) strategy.open(a).end(failed('connect', { durationMs: 0 }));
    serve(a, 50, 1);
    strategy.open(a);
    expect(taken()).toBe(0);
    strategy.open(b);
    strategy.open(b);
    expect(taken()).toBe(10);
  });
  it('learns nothing from aborts and failures: they do not clear the name of one that is slow', () => {
    const { strategy, a, b, serve, taken } = learnt();
    serve(a, 6, 160);
    for (let i = 0; i < 20; i++) strategy.open(a).end(i % 2 === 0 ? aborted() : failed('connect'));
    strategy.open(b);
    expect(taken()).toBe(0);
  });
  it('keeps what it learnt over a reload, the usual pace too', () => {
    const { w, strategy, a, b } = learnt();
    const next = strategy.reload();
    for (let i = 0; i < 3; i++) {
      const lease = next.open(a);
      w.advance(100);
      lease.end();
    }
    next.open(b);
    expect(next.select()).toBe(b);
  });
  it('hears the end of a lease on a backend that has left', () => {
    const { w, strategy, a, b } = learnt();
    const lease = strategy.open(a);
    strategy.update([b]);
    w.forget(a);
    w.advance(10);
    lease.end(answered(200));
    expect(strategy.select()).toBe(b);
  });
  it('allocates nothing but what chance and the clock cost', () => {
    expect(bytesPerPick(expectedDelay(), 4 * BOXED_NUMBER_BYTES)).toBeLessThanOrEqual(4 * BOXED_NUMBER_BYTES);
  });
});
