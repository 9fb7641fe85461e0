/**
 * The processes: started together, each restarted when it dies, ended together. The fleet outlives generations, their timers do not:
 * the newest generation that watches gives the clock for restarts, and the one before takes them over when it ends.
 */
import type { ChildProcess } from 'node:child_process';
import { describeError } from '@steelyard/sdk';
import type { BackendSpec, Host } from '@steelyard/sdk';
import { endProcess, startProcess } from './child.ts';

/** What one generation wants of the fleet. */
export interface Watcher {
  update: (backends: readonly BackendSpec[]) => void;
  host: Pick<Host, 'after' | 'log' | 'now'>;
}

export interface Fleet {
  /** Publishes the list now and whenever it changes, until the returned function is called. */
  join(watcher: Watcher): () => void;
  /** Ends all processes and waits until they are gone. */
  close(): Promise<void>;
}

interface Slot {
  /** From 1: what the backend calls itself. */
  readonly number: number;
  running: Running | undefined;
  isStarting: boolean;
  restartAfterMs: number;
  /** Cancels the restart that is due; `undefined` = none is. */
  cancelRestart: (() => void) | undefined;
}
interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  /** `host.now()`; `undefined` for the first ones, which started before anybody watched. */
  readonly startedAt: number | undefined;
}

/** First wait before a restart; doubled by each death that follows soon, up to the longest. Milliseconds. */
const FIRST_RESTART_MS = 250;
const LONGEST_RESTART_MS = 10_000;
/** A process that has lived for so long has started well: the next wait is the first one again. Milliseconds. */
const STEADY_MS = 10_000;

/** Starts `count` processes. @throws Error when one of them does not come up; the others are ended then. */
export async function openFleet(count: number): Promise<Fleet> {
  const slots: Slot[] = Array.from({ length: count }, (_, i) => ({ number: i + 1, running: undefined, isStarting: false, restartAfterMs: FIRST_RESTART_MS, cancelRestart: undefined }));
  const watchers: Watcher[] = [];
  let isClosing = false;
  /** Restarts that are under way when the fleet closes. */
  const starting = new Set<Promise<void>>();

  const start = async (slot: Slot): Promise<void> => {
    const { child, port } = await startProcess(slot.number);
    slot.running = { child, port, startedAt: watchers.at(-1)?.host.now() };
    child.once('exit', (code, signal) => lost(slot, signal ?? `exit code ${code}`));
    // It may have died in the same turn in which it told its port.
    if (child.exitCode !== null || child.signalCode !== null) lost(slot, 'gone at once');
  };

  const lost = (slot: Slot, how: string): void => {
    if (slot.running === undefined) return;
    const { child, startedAt } = slot.running;
    slot.running = undefined;
    if (isClosing) return;
    const watcher = watchers.at(-1);
    watcher?.host.log.warn({ backend: slot.number, pid: child.pid, how }, 'a demo backend died; it is started again');
    if (watcher !== undefined && startedAt !== undefined && watcher.host.now() - startedAt >= STEADY_MS) slot.restartAfterMs = FIRST_RESTART_MS;
    publish();
    scheduleRestart(slot);
  };

  const scheduleRestart = (slot: Slot): void => {
    const host = watchers.at(-1)?.host;
    // Without a watcher nobody needs it; the next one that joins sees to it.
    if (host === undefined || slot.running !== undefined || slot.isStarting) return;
    slot.cancelRestart?.();
    slot.cancelRestart = host.after(slot.restartAfterMs, () => {
      slot.cancelRestart = undefined;
      slot.restartAfterMs = Math.min(slot.restartAfterMs * 2, LONGEST_RESTART_MS);
      const restarted = restart(slot, host).finally(() => starting.delete(restarted));
      starting.add(restarted);
      return restarted;
    });
  };

  const restart = async (slot: Slot, host: Watcher['host']): Promise<void> => {
    slot.isStarting = true;
    try {
      await start(slot);
      slot.isStarting = false;
    } catch (thrown) {
      slot.isStarting = false;
      host.log.error({ backend: slot.number, reason: describeError(thrown) }, 'a demo backend does not start');
      scheduleRestart(slot);
      return;
    }
    if (!isClosing) publish();
  };

  const list = (): BackendSpec[] =>
    slots.flatMap(({ running, number }) => (running === undefined ? [] : [{ url: `http://127.0.0.1:${running.port}`, labels: { demo: String(number) } }]));
  const publish = (): void => {
    for (const watcher of watchers) watcher.update(list());
  };
  const close = async (): Promise<void> => {
    isClosing = true;
    for (const slot of slots) slot.cancelRestart?.();
    await Promise.allSettled(starting);
    await Promise.all(slots.flatMap(({ running }) => (running === undefined ? [] : [endProcess(running.child)])));
  };

  const started = await Promise.allSettled(slots.map(start));
  const failed = started.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }

  return {
    join(watcher) {
      watchers.push(watcher);
      watcher.update(list());
      for (const slot of slots) scheduleRestart(slot);
      return () => {
        const at = watchers.indexOf(watcher);
        if (at < 0) return;
        watchers.splice(at, 1);
        // Its timers end with it; what it was to restart is the next one's.
        for (const slot of slots) scheduleRestart(slot);
      };
    },
    close,
  };
}
