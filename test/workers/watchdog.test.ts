import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { beatMsOf, Watchdog } from '../../core/src/workers/watchdog.ts';
import type { WorkerHandle } from '../../core/src/workers/worker-handle.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function world(limitMs: number) {
  const board = Scoreboard.create({ workers: 2, isShared: true });
  const silent: number[] = [];
  const watchdog = new Watchdog(board, ({ block }, ms) => silent.push(block, ms));
  const workers = [1, 2].map((block) => ({ block }) as WorkerHandle);
  const threads = [1, 2].map((block) => Scoreboard.attach(board.memory, block));
  watchdog.setLimit(limitMs);
  for (const worker of workers) watchdog.watch(worker);
  return { watchdog, workers, silent, beating: (index: number, ms = beatMsOf(limitMs)) => setInterval(() => threads[index]!.beat(), ms) };
}

describe('the watchdog', () => {
  it('gives up a worker that was silent for the limit, once, and no other', () => {
    const { silent, beating } = world(1_000);
    beating(0);
    vi.advanceTimersByTime(950);
    expect(silent).toEqual([]);
    vi.advanceTimersByTime(150);
    expect(silent).toEqual([2, 1_000]);
    vi.advanceTimersByTime(10_000);
    expect(silent).toEqual([2, 1_000]);
  });

  it('takes no worker for dead that beats as it was told, at the shortest limit and the longest', () => {
    for (const limitMs of [100, 5_000, 600_000]) {
      const { silent, beating, watchdog } = world(limitMs);
      beating(0);
      beating(1);
      vi.advanceTimersByTime(limitMs * 5);
      expect(silent).toEqual([]);
      watchdog.stop();
      vi.clearAllTimers();
    }
  });

  it('goes by a new limit from then on', () => {
    const { silent, watchdog } = world(1_000);
    watchdog.setLimit(5_000);
    vi.advanceTimersByTime(4_500);
    expect(silent).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(silent).toEqual([1, 5_000, 2, 5_000]);
  });

  it('forgets a worker that is gone, and everything when it stops', () => {
    const { silent, watchdog, workers } = world(1_000);
    watchdog.forget(workers[0]!);
    vi.advanceTimersByTime(1_200);
    expect(silent).toEqual([2, 1_000]);
    watchdog.watch(workers[0]!);
    watchdog.stop();
    vi.advanceTimersByTime(10_000);
    expect(silent).toEqual([2, 1_000]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
