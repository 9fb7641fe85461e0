import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aborted, answered, EJECTION, manualCheck, refused, rig, SCHEDULE, settled, switchCheck, trafficCheck } from './rig.ts';

/** Two backends, `a` under test and `b` that could take its traffic, both up. */
function pair(passive = trafficCheck()) {
  const it = rig();
  const [a, b] = [it.backend('a'), it.backend('b')];
  it.watch([a, b], [], [passive]);
  it.monitor.observe(a, answered(200));
  it.monitor.observe(b, answered(200));
  it.flips.length = 0;
  const fail = (backend = a, times = EJECTION.failures): void => {
    for (let count = 0; count < times; count++) it.monitor.observe(backend, refused());
  };
  return { ...it, a, b, fail };
}

describe('ejection', () => {
  it('takes failures in a row: a success between them begins anew', () => {
    const { monitor, a, fail } = pair();
    fail(a, 2);
    monitor.observe(a, answered(404));
    fail(a, 2);
    expect(a.health).toBe('up');
    fail(a, 1);
    expect(a.health).toBe('down');
  });

  it('does not hear an aborted lease, nor one of which the check says nothing', () => {
    const { monitor, a, fail } = pair();
    fail(a, 2);
    monitor.observe(a, aborted(503));
    monitor.observe(a, answered(0));
    expect(a.health).toBe('up');
    fail(a, 1);
    expect(a.health).toBe('down');
  });

  it('happens exactly at the threshold, for any sequence of outcomes', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('good', 'bad', 'silent'), { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (outcomes, failures) => {
        const { monitor, a } = pair(trafficCheck('p', { ...EJECTION, failures }));
        let inARow = 0;
        let isEjected = false;
        for (const outcome of outcomes) {
          monitor.observe(a, outcome === 'good' ? answered(200) : outcome === 'bad' ? answered(503) : aborted());
          if (outcome !== 'silent') inARow = outcome === 'bad' ? inARow + 1 : 0;
          isEjected ||= inARow === failures;
          expect(a.health).toBe(isEjected ? 'down' : 'up');
        }
      }),
    );
  });

  it('says what it saw', () => {
    const { flips, monitor, a, fail } = pair();
    fail(a, 2);
    monitor.observe(a, answered(503));
    expect(flips).toEqual(['0 a up>down passive-check: 3 failures in a row in real traffic, the last: answered 503']);
    expect(monitor.states()[0]).toMatchObject({ source: 'passive-check', passing: false, streak: -3, ejectedUntil: 10_000 });
  });

  it('ends after its time, and failures count anew', async () => {
    const { clock, flips, a, fail } = pair();
    fail();
    await clock.advance(9999);
    expect(a.health).toBe('down');
    await clock.advance(1);
    expect(flips.at(-1)).toBe('10000 a down>up passive-check: the ejection of 10000 ms is over');
    fail(a, 2);
    expect(a.health).toBe('up');
    expect(clock.timers).toBe(0);
  });

  it('lasts twice as long each time it follows soon, up to the limit', async () => {
    const { clock, a, fail } = pair();
    for (const lengthMs of [10_000, 20_000, 35_000, 35_000]) {
      fail();
      await clock.advance(lengthMs - 1);
      expect(a.health).toBe('down');
      await clock.advance(1);
      expect(a.health).toBe('up');
      // Soon = within two lengths of the last one after its end.
      await clock.advance(2 * lengthMs);
    }
    await clock.advance(1);
    fail();
    await clock.advance(10_000);
    expect(a.health, 'not soon: the first length again').toBe('up');
  });

  it('never takes less than ejectMs, though maxEjectMs be below it', async () => {
    const { clock, a, fail } = pair(trafficCheck('p', { ...EJECTION, maxEjectMs: 5 }));
    fail();
    await clock.advance(9999);
    expect(a.health).toBe('down');
  });

  it('does not count left-overs: failures while down, or of leases from before it came back', async () => {
    const { clock, monitor, a, fail } = pair();
    fail(a, 10);
    await clock.advance(10_000);
    for (let count = 0; count < 5; count++) monitor.observe(a, refused(1));
    expect(a.health).toBe('up');
    await clock.advance(1);
    for (let count = 0; count < 3; count++) monitor.observe(a, refused(1));
    expect(a.health).toBe('down');
  });

  it('outlives a reload, with its end and its doubling', async () => {
    const { clock, watch, a, b, fail } = pair();
    fail();
    watch([a, b], [], [trafficCheck()]);
    await clock.advance(9999);
    expect(a.health).toBe('down');
    await clock.advance(1);
    expect(a.health).toBe('up');
    fail();
    await clock.advance(19_999);
    expect(a.health).toBe('down');
  });

  it('ends with its check, and leaves no timer when the monitor stops', () => {
    const { clock, monitor, watch, a, b, fail } = pair();
    fail();
    watch([a, b], [], []);
    expect([a.health, clock.timers]).toEqual(['up', 0]);
    watch([a, b], [], [trafficCheck()]);
    fail();
    monitor.stop();
    expect(clock.timers).toBe(0);
  });

  it('does not outlast a backend that left and comes back', () => {
    const { watch, a, b, fail } = pair();
    fail();
    watch([b], [], [trafficCheck()]);
    watch([a, b], [], [trafficCheck()]);
    expect(a.health).toBe('up');
  });

  it('is not for a row of the scoreboard that now is another backend', () => {
    const { backend, monitor, watch, a, b, fail } = pair();
    watch([b], [], [trafficCheck()]);
    a.retire();
    const heir = backend('heir');
    expect(heir.row).toBe(a.row);
    watch([b, heir], [], [trafficCheck()]);
    fail(a, 10);
    expect(monitor.states()).toMatchObject([{ backend: 'b', streak: 0 }, { backend: 'heir', streak: 0, passing: undefined }]);
    expect(heir.health).toBe('unknown');
  });

  it('of a check that throws is told as its fault, and ejects nobody', () => {
    const { watch, a, b, fail, faults } = pair();
    watch([a, b], [], [{ source: 'broken', failures: EJECTION.failures, ejection: EJECTION, observe: () => { throw new Error('cannot read'); } }]);
    fail();
    expect(faults).toEqual(['broken: cannot read', 'broken: cannot read', 'broken: cannot read']);
    expect(a.health).toBe('up');
  });
});

describe('an unknown backend', () => {
  it('is up after its first success where no active check decides', () => {
    const { monitor, watch, backend, flips } = rig();
    const a = backend();
    watch([a], [], [trafficCheck()]);
    monitor.observe(a, answered(200));
    monitor.observe(a, answered(200));
    expect(flips).toEqual(['0 a unknown>up passive-check: served real traffic']);
  });

  it('waits for its active check where there is one', () => {
    const { clock, monitor, watch, backend } = rig();
    const a = backend();
    watch([a], [switchCheck(clock)], [trafficCheck()]);
    monitor.observe(a, answered(200));
    expect(a.health).toBe('unknown');
  });
});

describe('ejection beside active checks', () => {
  async function checkedPair() {
    const it = rig();
    const check = switchCheck(it.clock);
    const [a, b] = [it.backend('a'), it.backend('b')];
    it.watch([a, b], [check], [trafficCheck()]);
    await it.clock.advance(500);
    it.flips.length = 0;
    const fail = (): void => {
      for (let count = 0; count < EJECTION.failures; count++) it.monitor.observe(a, refused());
    };
    return { ...it, check, a, b, fail };
  }

  it('ends after `rise` good checks that began after it', async () => {
    const { clock, flips, a, fail } = await checkedPair();
    fail();
    await clock.advance(1000);
    expect(a.health).toBe('down');
    await clock.advance(1000);
    expect(flips.at(-1)).toBe('2000 a down>up passive-check: good active checks since the ejection');
  });

  it('is not ended by a probe that began before it', async () => {
    const { clock, monitor, watch, backend } = rig();
    const check = manualCheck(clock, 'slow', { ...SCHEDULE, rise: 1 });
    const [a, b] = [backend('a'), backend('b')];
    watch([a, b], [check], [trafficCheck()]);
    for (const probe of check.probes) probe.pass();
    await clock.advance(1001);
    for (let count = 0; count < EJECTION.failures; count++) monitor.observe(a, refused());
    check.probes[2]!.pass();
    await settled();
    expect(a.health).toBe('down');
    await clock.advance(1000);
    check.probes[4]!.pass();
    await settled();
    expect(a.health).toBe('up');
  });

  it('does not count failures of requests that began before an active check let the backend in again', async () => {
    const { clock, monitor, check, a } = await checkedPair();
    check.good = false;
    await clock.advance(3000);
    check.good = true;
    await clock.advance(2000);
    expect(a.health).toBe('up');
    for (let count = 0; count < 9; count++) monitor.observe(a, refused(1000));
    expect(a.health).toBe('up');
  });

  it('lasts its whole time when real traffic failed again soon: the checks do not see what it sees', async () => {
    const { clock, a, fail } = await checkedPair();
    fail();
    await clock.advance(2000);
    expect(a.health).toBe('up');
    fail();
    await clock.advance(19_999);
    expect(a.health).toBe('down');
    await clock.advance(1);
    expect(a.health).toBe('up');
  });

  it('lasts longer than its time while a check fails, and ends with the next good one', async () => {
    const { clock, check, a, fail } = await checkedPair();
    fail();
    check.good = false;
    await clock.advance(14_000);
    expect(a.marks.map((mark) => mark.source)).toEqual(['passive-check', 'http-check']);
    check.good = true;
    await clock.advance(1000);
    expect(a.marks.map((mark) => mark.source), 'the check itself wants `rise` good ones').toEqual(['http-check']);
    await clock.advance(1000);
    expect(a.health).toBe('up');
  });

  it('does not wait for a failing check that left the config', async () => {
    const { clock, watch, check, a, b, fail } = await checkedPair();
    fail();
    check.good = false;
    await clock.advance(14_000);
    watch([a, b], [], [trafficCheck()]);
    expect(a.health).toBe('up');
  });
});

describe('the last available backend', () => {
  it('is not ejected, alone in its pool or with all others down or draining', async () => {
    const { clock, monitor, watch, backend } = rig();
    const [a, down, draining, weightless] = [backend('a'), backend('down'), backend('draining', { drain: true }), backend('weightless', { weight: 0 })];
    watch([a, down, draining, weightless], [], [trafficCheck()]);
    down.mark('admin', 'by hand', 0);
    for (let count = 0; count < 50; count++) monitor.observe(a, refused());
    await settled();
    expect(a.health).not.toBe('down');
    expect(clock.timers).toBe(0);
    down.clear('admin', 'by hand');
    for (let count = 0; count < 3; count++) monitor.observe(a, refused());
    expect(a.health).toBe('down');
  });

  it('does not count on one that no active check has let in yet', async () => {
    const { clock, monitor, watch, backend } = rig();
    const [check, a, unknown] = [switchCheck(clock), backend('a'), backend('unknown')];
    watch([a], [check], [trafficCheck()]);
    await settled();
    const slow = manualCheck(clock);
    watch([a, unknown], [check, slow], [trafficCheck()]);
    expect([a.health, unknown.health]).toEqual(['up', 'unknown']);
    for (let count = 0; count < EJECTION.failures; count++) monitor.observe(a, refused());
    expect(a.health).toBe('up');
  });

  it('keeps the truce over a reload', async () => {
    const { clock, watch, a, b, fail } = pair();
    fail(a);
    fail(b);
    watch([a, b], [], [trafficCheck()]);
    await clock.advance(9999);
    fail(a, 50);
    expect(a.health).toBe('up');
  });

  it('failing too brings the others back, and nobody is ejected for ejectMs', async () => {
    const { clock, flips, a, b, fail } = pair();
    fail(a);
    await clock.advance(1000);
    fail(b);
    expect(flips.at(-1)).toBe('1000 a down>up passive-check: the other backends of the pool fail as well');
    await clock.advance(9999);
    fail(a, 50);
    fail(b, 50);
    expect([a.health, b.health]).toEqual(['up', 'up']);
    await clock.advance(1);
    fail(a);
    expect(a.health).toBe('down');
    await clock.advance(10_000);
    expect(a.health, 'of the first length: the marks before said nothing about this backend').toBe('up');
  });

  it('never leaves the pool without a backend by its own doing, whatever fails', async () => {
    const failure = fc.record({ backend: fc.nat(3), times: fc.integer({ min: 1, max: 4 }), waitMs: fc.integer({ min: 0, max: 6000 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(failure, { maxLength: 25 }), async (failures) => {
        const { clock, monitor, watch, backend } = rig();
        const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id));
        watch(backends, [], [trafficCheck()]);
        for (const { backend, times, waitMs } of failures) {
          for (let count = 0; count < times; count++) monitor.observe(backends[backend]!, refused());
          expect(backends.some((member) => member.health !== 'down')).toBe(true);
          await clock.advance(waitMs);
        }
        monitor.stop();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});
