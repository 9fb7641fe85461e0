import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SharedRegistry } from '../../core/src/plugins.ts';

afterEach(() => vi.useRealTimers());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function opener() {
  const told: string[] = [];
  let count = 0;
  return { told, open: () => ++count, close: (value: number) => void told.push(`closed ${value}`) };
}
const [first, second] = [{ generation: 1 }, { generation: 2 }];

describe('a shared value', () => {
  it('is opened once and found again by the next generation', async () => {
    const registry = new SharedRegistry();
    const { told, open, close } = opener();
    expect(await Promise.all([registry.claim(first, 'p', 'k', open, close), registry.claim(first, 'p', 'k', open, close)])).toEqual([1, 1]);
    expect(await registry.claim(second, 'p', 'k', open, close)).toBe(1);
    await registry.release(first);
    expect(told).toEqual([]);
    await registry.release(second);
    expect(told).toEqual(['closed 1']);
  });
  it('is closed when the next generation does not claim it', async () => {
    const registry = new SharedRegistry();
    const { told, open, close } = opener();
    await registry.claim(first, 'p', 'k', open, close);
    await registry.claim(second, 'p', 'other', open, close);
    await registry.release(first);
    expect(told).toEqual(['closed 1']);
  });
  it('stays when a generation that claimed it could not be built', async () => {
    const registry = new SharedRegistry();
    const { told, open, close } = opener();
    await registry.claim(first, 'p', 'k', open, close);
    await registry.claim(second, 'p', 'k', open, close);
    await registry.release(second);
    expect(told).toEqual([]);
  });
  it('is closed by the last that claims it, and holds nothing of those that have ended: their `close` may hold a whole generation', async () => {
    const registry = new SharedRegistry();
    const told: string[] = [];
    let ended: object | undefined = { generation: 1 };
    const trace = new WeakRef(ended);
    const claimBy = async (claimant: object, name: string): Promise<void> => {
      await registry.claim(claimant, 'p', 'k', () => 1, () => told.push(`closed by ${name}`, JSON.stringify(claimant)));
    };
    await claimBy(ended, 'the first');
    await claimBy(second, 'the second');
    await registry.release(ended);
    ended = undefined;
    // What a WeakRef has shown is kept until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(trace.deref()).toBeUndefined();
    await registry.release(second);
    expect(told).toEqual(['closed by the second', '{"generation":2}']);
  });
  it("is the plugin's own: keys of others do not collide", async () => {
    const registry = new SharedRegistry();
    const { open, close } = opener();
    expect(await registry.claim(first, 'p', 'k', open, close)).not.toBe(await registry.claim(first, 'q', 'k', open, close));
  });
  it('that cannot be opened is an error for all who wait, and the next one tries again', async () => {
    const registry = new SharedRegistry();
    const { told, open, close } = opener();
    const broken = (): number => { throw new Error('no such host'); };
    const claims = await Promise.allSettled([registry.claim(first, 'p', 'k', broken, close), registry.claim(second, 'p', 'k', open, close)]);
    for (const claim of claims) expect(claim).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SHARED', cause: { message: 'no such host' } } });
    expect(await registry.claim(first, 'p', 'k', open, close)).toBe(1);
    await registry.release(first);
    expect(told).toEqual(['closed 1']);
  });
  it('is closed also when it was still being opened at the end', async () => {
    const registry = new SharedRegistry();
    const { told, close } = opener();
    let opened!: (value: number) => void;
    void registry.claim(first, 'p', 'k', () => new Promise<number>((resolve) => { opened = resolve; }), close);
    const end = registry.release(first);
    opened(5);
    await end;
    expect(told).toEqual(['closed 5']);
  });
  it('is opened anew only after the last one was closed', async () => {
    const registry = new SharedRegistry();
    const told: string[] = [];
    let closed!: () => void;
    await registry.claim(first, 'p', 'k', () => told.push('open'), () => new Promise<void>((resolve) => { closed = resolve; }));
    const end = registry.release(first);
    const again = registry.claim(second, 'p', 'k', () => told.push('open again'), () => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['open']);
    closed();
    await Promise.all([end, again]);
    expect(told).toEqual(['open', 'open again']);
  });
  it('whose close fails, or takes more than 5 s, is told and holds nobody up', async () => {
    vi.useFakeTimers();
    const told = vi.fn();
    const registry = new SharedRegistry(told);
    await registry.claim(first, 'p', 'throws', () => 1, () => { throw new Error('boom'); });
    await registry.claim(first, 'p', 'hangs', () => 1, () => new Promise(() => {}));
    const end = registry.release(first);
    await vi.advanceTimersByTimeAsync(5_000);
    await end;
    expect(told.mock.calls).toEqual([['p', expect.objectContaining({ message: 'boom' })], ['p', expect.objectContaining({ message: expect.stringContaining('took longer') })]]);
  });
  it('cannot be claimed by a generation that has ended', async () => {
    const registry = new SharedRegistry();
    const { open, close } = opener();
    await registry.release(first);
    await expect(registry.claim(first, 'p', 'k', open, close)).rejects.toMatchObject({ code: 'ERR_STATE' });
  });
});
