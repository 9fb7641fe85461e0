/** What tapable does by itself: the reasons for the guards. When one of these changes, a guard may go. */
import { AsyncSeriesBailHook, SyncBailHook, SyncHook } from 'tapable';
import { describe, expect, it, vi } from 'vitest';

const boom = (): never => {
  throw new Error('boom');
};

describe('bare tapable', () => {
  it('skips every later tap when one throws, even in a SyncHook', () => {
    const hook = new SyncHook<[]>([]);
    const later = vi.fn();
    hook.tap('broken', boom);
    hook.tap('later', later);
    expect(() => hook.call()).toThrow('boom');
    expect(later).not.toHaveBeenCalled();
  });
  it('leaves its promise pending when a second tapPromise throws at once', async () => {
    const hook = new AsyncSeriesBailHook<[], string>([]);
    hook.tapPromise('first', async () => undefined as never);
    hook.tapPromise('second', boom);
    const settled = vi.fn();
    // The throw surfaces as an unhandled rejection of a promise that nobody holds.
    const unhandled = new Promise((resolve) => { process.once('unhandledRejection', resolve); });
    void hook.promise().then(settled, settled);
    expect(await unhandled).toMatchObject({ message: 'boom' });
    expect(settled).not.toHaveBeenCalled();
  });
  it('hangs with a tap that never settles', async () => {
    const hook = new AsyncSeriesBailHook<[], string>([]);
    hook.tapPromise('hangs', () => new Promise(() => {}));
    const done = vi.fn();
    hook.callAsync(done);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).not.toHaveBeenCalled();
  });
  it('takes a promise for a bail value', () => {
    const hook = new SyncBailHook<[], unknown>([]);
    const later = vi.fn();
    hook.tap('async', async () => undefined);
    hook.tap('later', later);
    expect(hook.call()).toBeInstanceOf(Promise);
    expect(later).not.toHaveBeenCalled();
  });
  it('calls back in the same turn when all taps are synchronous, and does not catch what the callback throws', () => {
    const hook = new AsyncSeriesBailHook<[], string>([]);
    hook.tap('sync', () => 'value');
    expect(() => hook.callAsync(boom)).toThrow('boom');
  });
  it('has no untap, and is "used" by a mere interceptor', () => {
    const hook = new SyncHook<[]>([]);
    hook.intercept({});
    expect(hook.isUsed()).toBe(true);
    expect(hook.taps).toHaveLength(0);
    expect('untap' in hook).toBe(false);
  });
});
