import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { advance, UNDECIDED } from '../../core/src/health/streak.ts';
import { BackendState } from '../../core/src/upstream/backend.ts';
import { manualCheck, rig, SCHEDULE, settled, switchCheck, trafficCheck } from './rig.ts';

describe('schedule', () => {
  it('asks a new backend at once, then at every interval', async () => {
    const { clock, watch, backend } = rig();
    const check = switchCheck(clock);
    watch([backend()], [check]);
    await clock.advance(3500);
    expect(check.askedAt).toEqual([0, 1000, 2000, 3000]);
  });

  it.each([[0, 800], [0.5, 1000], [0.75, 1100], [1, 1200]])('moves each interval within ± its jitter: chance %d of 20 %% gives %d ms', async (chance, ms) => {
    const { clock, watch, backend } = rig();
    clock.chance = chance;
    const check = switchCheck(clock, 'c', { ...SCHEDULE, jitter: 0.2 });
    watch([backend()], [check]);
    await clock.advance(2500);
    expect(check.askedAt.slice(0, 3)).toEqual([0, ms, 2 * ms]);
  });

  it('starts no probe before the last one ended, and measures intervals from start to start', async () => {
    const { clock, watch, backend } = rig();
    const check = manualCheck(clock, 'slow', { ...SCHEDULE, timeoutMs: 5000 });
    watch([backend()], [check]);
    await clock.advance(300);
    check.probes[0]!.pass();
    await clock.advance(700);
    expect(check.probes.map((probe) => probe.at)).toEqual([0, 1000]);
    await clock.advance(1500);
    expect(check.probes).toHaveLength(2);
    check.probes[1]!.pass();
    await clock.advance(0);
    expect(check.probes.map((probe) => probe.at)).toEqual([0, 1000, 2500]);
  });

  it('fails a probe at its time limit, aborts it, and drops its late result', async () => {
    const { clock, monitor, watch, backend, flips } = rig();
    const check = manualCheck(clock);
    watch([backend()], [check]);
    await clock.advance(399);
    expect(check.probes[0]!.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(check.probes[0]!.signal.aborted).toBe(true);
    expect(flips).toEqual(['400 a unknown>down manual: no answer within 400 ms']);
    check.probes[0]!.pass();
    await settled();
    expect(monitor.states()).toMatchObject([{ passing: false, streak: -1, at: 400 }]);
  });

  it('goes on asking while the backend is marked', async () => {
    const { clock, watch, backend } = rig();
    const check = switchCheck(clock);
    check.good = false;
    watch([backend()], [check]);
    await clock.advance(2000);
    expect(check.askedAt).toHaveLength(3);
  });

  it('leaves no timer and no probe behind when it stops', async () => {
    const { clock, monitor, watch, backend } = rig();
    const [hanging, ended] = [manualCheck(clock), switchCheck(clock)];
    watch([backend('a'), backend('b')], [hanging, ended]);
    const ready = monitor.firstResults(60_000);
    await settled();
    expect(clock.timers).toBeGreaterThan(0);
    monitor.stop();
    await ready;
    expect(clock.timers).toBe(0);
    expect(hanging.probes.map((probe) => probe.signal.aborted)).toEqual([true, true]);
    await settled();
    expect(clock.timers).toBe(0);
  });

  it('begins nothing any more after it stopped', () => {
    const { clock, monitor, watch, backend } = rig();
    const check = switchCheck(clock);
    monitor.stop();
    watch([backend()], [check]);
    expect([check.askedAt.length, clock.timers]).toEqual([0, 0]);
  });
});

describe('marks', () => {
  it('follow the thresholds, with a reason that counts', async () => {
    const { clock, watch, backend, flips } = rig();
    const check = switchCheck(clock);
    const a = backend();
    watch([a], [check]);
    await clock.advance(500);
    check.good = false;
    await clock.advance(3000);
    check.good = true;
    await clock.advance(2000);
    expect(flips).toEqual([
      '0 a unknown>up http-check: the first check was good',
      '3000 a up>down http-check: GET /healthz answered 500, expected 200-399 (3 in a row)',
      '5000 a down>up http-check: 2 good checks in a row',
    ]);
  });

  it('keep the reason of the last failure', async () => {
    const { clock, watch, backend } = rig();
    const check = manualCheck(clock);
    const a = backend();
    watch([a], [check]);
    check.probes[0]!.fail('connection\nrefused');
    await clock.advance(1000);
    expect(a.marks).toMatchObject([{ reason: 'connection refused', since: 0 }]);
    check.probes[1]!.fail('answered 500');
    await settled();
    expect(a.marks).toMatchObject([{ reason: 'answered 500 (2 in a row)', since: 0 }]);
  });

  it('flip exactly when the thresholds say so, for any sequence of results', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 1, maxLength: 15 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), async (results, rise, fall) => {
        const { clock, monitor, watch, backend } = rig();
        const check = switchCheck(clock, 'c', { ...SCHEDULE, rise, fall });
        const a = backend();
        let streak = UNDECIDED;
        for (const [index, good] of results.entries()) {
          check.good = good;
          if (index === 0) watch([a], [check]);
          await clock.advance(index === 0 ? 0 : 1000);
          streak = advance(streak, good, { rise, fall });
          expect(a.health).toBe(streak.passing === true ? 'up' : 'down');
        }
        monitor.stop();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('are of one source each: a good check does not clear what another holds', async () => {
    const { clock, watch, backend } = rig();
    const [tcp, http] = [switchCheck(clock, 'tcp-check'), switchCheck(clock, 'http-check')];
    http.good = false;
    const a = backend();
    watch([a], [tcp, http]);
    await clock.advance(3000);
    expect(a.marks.map((mark) => mark.source)).toEqual(['http-check']);
    http.good = true;
    await clock.advance(2000);
    expect(a.health).toBe('up');
  });

  it('let an unknown backend in when every active check has answered, not when the first has', async () => {
    const { clock, watch, backend, flips } = rig();
    const [quick, slow] = [switchCheck(clock, 'quick'), manualCheck(clock, 'slow')];
    const a = backend();
    watch([a], [quick, slow]);
    await clock.advance(100);
    expect(a.health).toBe('unknown');
    slow.probes[0]!.pass();
    await clock.advance(0);
    expect(flips).toEqual(['100 a unknown>up quick: the first check was good']);
  });

  it('need `fall` failures of a check that is added to a backend in use', async () => {
    const { clock, watch, backend } = rig();
    const [known, added] = [switchCheck(clock, 'known'), switchCheck(clock, 'added')];
    const a = backend();
    watch([a], [known]);
    await settled();
    added.good = false;
    watch([a], [known, added]);
    await clock.advance(1999);
    expect(a.health).toBe('up');
    await clock.advance(1);
    expect(a.health).toBe('down');
  });
});

describe('watch', () => {
  it('keeps streak, last result and place in the schedule of what stays, and calls the new functions', async () => {
    const { clock, monitor, watch, backend, flips } = rig();
    const [old, fresh] = [switchCheck(clock), switchCheck(clock)];
    const a = backend();
    watch([a], [old]);
    await clock.advance(500);
    old.good = false;
    fresh.good = false;
    await clock.advance(1900);
    const before = monitor.states();
    watch([a, backend('b')], [fresh]);
    expect(monitor.states()[0]).toEqual(before[0]);
    expect(before[0]).toMatchObject({ streak: -2, passing: true, at: 2000 });
    await clock.advance(600);
    expect(old.askedAt).toEqual([0, 1000, 2000]);
    expect(fresh.askedAt, 'once at once for the new backend, then in the old place').toEqual([2400, 3000]);
    expect(flips.at(-1)).toMatch(/^3000 a up>down .* \(3 in a row\)$/);
  });

  it('takes a changed interval at once', async () => {
    const { clock, watch, backend } = rig();
    const [old, fresh] = [switchCheck(clock), switchCheck(clock, 'http-check', { ...SCHEDULE, intervalMs: 200 })];
    const a = backend();
    watch([a], [old]);
    await clock.advance(100);
    watch([a], [fresh]);
    await clock.advance(450);
    expect(fresh.askedAt).toEqual([300, 500]);
  });

  it('drops a probe of the old generation that is under way and asks again by the new functions', async () => {
    const { clock, monitor, watch, backend } = rig();
    const [old, fresh] = [manualCheck(clock), manualCheck(clock)];
    const a = backend();
    watch([a], [old]);
    await clock.advance(100);
    watch([a], [fresh]);
    expect(old.probes[0]!.signal.aborted).toBe(true);
    old.probes[0]!.fail('the generation has ended');
    await settled();
    expect(a.health).toBe('unknown');
    fresh.probes[0]!.pass();
    await settled();
    expect(a.health).toBe('up');
    await clock.advance(900);
    expect(fresh.probes.map((probe) => probe.at), 'in the old place again').toEqual([100, 1000]);
    expect(monitor.states()).toHaveLength(1);
  });

  it('lets a probe run on when only the members changed', async () => {
    const { clock, watch, backend } = rig();
    const check = manualCheck(clock);
    const a = backend();
    watch([a], [check]);
    watch([a, backend('b')], [check]);
    expect(check.probes).toHaveLength(2);
    expect(check.probes[0]!.signal.aborted).toBe(false);
  });

  it('forgets the mark of a check that left, and stops asking it', async () => {
    const { clock, watch, backend, flips } = rig();
    const [gone, stays] = [switchCheck(clock, 'gone'), switchCheck(clock, 'stays')];
    gone.good = false;
    const a = backend();
    watch([a], [gone, stays]);
    await clock.advance(10);
    expect(a.health).toBe('down');
    watch([a], [stays]);
    expect(flips.at(-1)).toBe('10 a down>up gone: the check left the config');
    await clock.advance(5000);
    expect(gone.askedAt).toEqual([0]);
  });

  it('leaves a backend that left alone: no probe, no timer, no change of its marks', async () => {
    const { clock, watch, backend, flips } = rig();
    const check = switchCheck(clock);
    check.good = false;
    const a = backend();
    watch([a], [check], [trafficCheck()]);
    await settled();
    const told = flips.length;
    watch([], [check]);
    expect(clock.timers).toBe(0);
    expect([a.health, flips.length]).toEqual(['down', told]);
  });

  it('lets a backend that comes back with an old mark in again by its first good check', async () => {
    const { clock, watch, backend } = rig();
    const check = switchCheck(clock);
    check.good = false;
    const a = backend();
    watch([a], [check]);
    await settled();
    watch([], [check]);
    check.good = true;
    watch([a], [check]);
    await settled();
    expect(a.health).toBe('up');
  });

  it('admits an unknown backend when the check that kept it waiting leaves', async () => {
    const { clock, watch, backend } = rig();
    const [quick, slow] = [switchCheck(clock, 'quick'), manualCheck(clock, 'slow')];
    const a = backend();
    watch([a], [quick, slow]);
    await settled();
    watch([a], [quick]);
    expect(a.health).toBe('up');
  });

  it('refuses two checks of one name in a pool, and changes nothing', async () => {
    const { clock, monitor, watch, backend } = rig();
    const check = switchCheck(clock, 'twin');
    const a = backend();
    watch([a], [check]);
    expect(() => watch([a, backend('b')], [check], [trafficCheck('twin')])).toThrow(new RangeError('pool web has two health checks called twin'));
    expect(monitor.states()).toHaveLength(1);
  });

  it('keeps the streak of each (backend, source) that stays through any series of diffs, and no timer of the others', async () => {
    const step = fc.record({ backends: fc.subarray([0, 1, 2]), sources: fc.subarray([0, 1, 2]), isReload: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const { clock, monitor, watch, backend } = rig();
        const backends = ['a', 'b', 'c'].map((id) => backend(id));
        let checks = ['x', 'y', 'z'].map((source) => switchCheck(clock, source));
        const expected = new Map<string, number>();
        for (const { backends: members, sources, isReload } of steps) {
          if (isReload) checks = checks.map((check) => switchCheck(clock, check.source));
          watch(members.map((index) => backends[index]!), sources.map((index) => checks[index]!));
          const now = new Set(members.flatMap((member) => sources.map((source) => `${'abc'[member]!} ${'xyz'[source]!}`)));
          for (const key of expected.keys()) if (!now.has(key)) expected.delete(key);
          await clock.advance(100);
          for (const key of now) if (!expected.has(key)) expected.set(key, clock.now() - 100);
          // One good result at the start of each, and one more for each interval since.
          for (const { backend, source, streak } of monitor.states()) {
            expect(streak, `${backend} ${source}`).toBe(1 + Math.floor((clock.now() - expected.get(`${backend} ${source}`)!) / 1000));
          }
          expect(monitor.states()).toHaveLength(now.size);
          expect(clock.timers).toBe(now.size);
          await clock.advance(850);
        }
        monitor.stop();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 40 },
    );
  });
});

describe('firstResults', () => {
  it('settles at once where nothing is checked', async () => {
    const { monitor, watch, backend } = rig();
    watch([backend()], []);
    await monitor.firstResults(1000);
  });

  it('waits for the first result of every check, good or not', async () => {
    const { clock, monitor, watch, backend } = rig();
    const check = manualCheck(clock);
    watch([backend('a'), backend('b')], [check]);
    let isDone = false;
    const ready = monitor.firstResults(300).then(() => (isDone = true));
    check.probes[0]!.pass();
    await settled();
    expect(isDone).toBe(false);
    check.probes[1]!.fail('no');
    await ready;
    expect(clock.timers, 'the two schedules; the limit is gone').toBe(2);
  });

  it('waits no longer than its limit, nor for what left', async () => {
    const { clock, monitor, watch, backend } = rig();
    const check = manualCheck(clock);
    watch([backend()], [check]);
    let isDone = false;
    void monitor.firstResults(300).then(() => (isDone = true));
    await clock.advance(299);
    expect(isDone).toBe(false);
    await clock.advance(1);
    expect(isDone).toBe(true);
    const ready = monitor.firstResults(300);
    watch([], []);
    await ready;
    expect(clock.timers).toBe(0);
  });
});

describe('faults', () => {
  it('of a probe that throws are told, and count as a failure', async () => {
    const { monitor, watch, backend, faults } = rig();
    watch([backend()], [{ source: 'broken', schedule: SCHEDULE, probe: () => { throw new Error('no such thing'); } }]);
    await settled();
    expect(faults).toEqual(['broken: no such thing']);
    expect(monitor.states()).toMatchObject([{ passing: false, reason: 'no such thing' }]);
  });

  it('of a listener that throws are told, and the schedule goes on', async () => {
    const { clock, faults, watch, backend } = rig();
    const check = switchCheck(clock);
    const a = backend();
    // Backends are frozen.
    // oxlint-disable-next-line typescript/unbound-method -- called with its `this` below
    const { clear } = BackendState.prototype;
    const spy = vi.spyOn(BackendState.prototype, 'clear').mockImplementation(function clearAndThrow(this: BackendState, source, reason) {
      clear.call(this, source, reason);
      throw new Error('a tap of onHealthChange');
    });
    onTestFinished(() => spy.mockRestore());
    watch([a], [check]);
    await clock.advance(1000);
    expect(faults).toEqual(['http-check: a tap of onHealthChange']);
    expect(check.askedAt).toEqual([0, 1000]);
  });

  it('of a rejection without a string form do not reach further than the reason', async () => {
    const { monitor, watch, backend } = rig();
    // eslint-disable-next-line typescript/prefer-promise-reject-errors -- a stranger's plugin may
    watch([backend()], [{ source: 'odd', schedule: SCHEDULE, probe: () => Promise.reject(Object.create(null)) }]);
    await settled();
    expect(monitor.states()).toMatchObject([{ passing: false, reason: 'what was thrown cannot be described' }]);
  });
});
