/**
 * Each tap function is wrapped once, at registration. tapable lets a throw skip all later taps and reach the caller; behind these
 * wrappers nothing is thrown, so a broken plugin costs only its own opinion.
 * A healthy call pays for a try, two tests of one field, and a test of the result.
 */
import type { Backend, Exchange, PoolView, ResponseHead } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import { isThenable, nameOf } from './answer.ts';
import { HEALTHY, NORMAL, type Quarantine, REFUSED, type Ticket } from './quarantine.ts';

/** A head whose edits can be taken back to a point in their journal: a failing tap loses its own and nobody else's. */
export interface RevertibleHead {
  /** Where the journal of edits stands now. */
  mark(): number;
  /** Takes back all edits behind the mark. */
  rollback(mark: number): void;
}

/** For taps whose result means nothing: `onAttempt`, `onResponse`, `onHealthChange`, and a strategy's callbacks. */
export function guardNotice<A extends unknown[]>(tap: Quarantine, given: (...args: A) => unknown): (...args: A) => void {
  const fn = given as (...args: unknown[]) => unknown;
  // Three parameters in place of a list: no array for each call. None of these hooks has more, and none gives `undefined`.
  const guarded: (...args: unknown[]) => void = (one, two, three) => {
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return;
    try {
      const result = three !== undefined ? fn(one, two, three) : two !== undefined ? fn(one, two) : fn(one);
      if (result !== undefined) refusePromise(result);
    } catch (thrown) {
      tap.failed(ticket, thrown);
      return;
    }
    if (tap.state !== HEALTHY) tap.succeeded(ticket);
  };
  return guarded;
}

/** `onResponseHead`: as a notice, and the edits of a failed call are taken back. */
export function guardHeadEdit<S>(tap: Quarantine, fn: (subject: S, head: ResponseHead) => unknown): (subject: S, head: ResponseHead) => void {
  return (subject, head) => {
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return;
    // None in a head of a strategy's own making, which it shows to the one inside: its edits are its business.
    const journal = head as Partial<RevertibleHead> & ResponseHead;
    const mark = journal.mark?.();
    try {
      const result = fn(subject, head);
      if (result !== undefined) refusePromise(result);
    } catch (thrown) {
      if (mark !== undefined) journal.rollback!(mark);
      tap.failed(ticket, thrown);
      return;
    }
    if (tap.state !== HEALTHY) tap.succeeded(ticket);
  };
}

/** `selectBackend`: what comes out is `undefined` or a backend that the pool says is available, so nobody has to ask again. */
export function guardSelect(tap: Quarantine, fn: (exchange: Exchange, pool: PoolView) => unknown): (exchange: Exchange, pool: PoolView) => Backend {
  const guarded = (exchange: Exchange, pool: PoolView): Backend | undefined => {
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return undefined;
    let pick: unknown;
    try {
      pick = fn(exchange, pool);
      if (pick !== undefined && !pool.isAvailable(pick as Backend)) refusePick(pick, pool);
    } catch (thrown) {
      tap.failed(ticket, thrown);
      return undefined;
    }
    if (tap.state !== HEALTHY) tap.succeeded(ticket);
    return pick as Backend | undefined;
  };
  // tapable's type for a bail hook's taps leaves out the `undefined` that means "no opinion".
  return guarded as (exchange: Exchange, pool: PoolView) => Backend;
}

/** Throws when the result is a promise; anything else that a void function gave (`list.push(x)`) is of no meaning. */
export function refusePromise(result: unknown): void {
  if (!isThenable(result)) return;
  swallow(result);
  throw nonsense('it returned a promise where none is allowed', 'make the function synchronous, or use tapPromise where the hook has it');
}

function refusePick(pick: unknown, pool: PoolView): never {
  refusePromise(pick);
  const id = typeof pick === 'object' && pick !== null && 'id' in pick ? String(pick.id) : nameOf(pick);
  throw nonsense(`it picked ${id}, which is not available in pool ${pool.name}`, 'ask pool.isAvailable(backend) before picking; return undefined when there is none');
}

/** A fault of the plugin in a sentence. */
export function nonsense(message: string, hint: string): SteelyardError {
  return new SteelyardError('ERR_PLUGIN_TAP', { message, hint, source: 'plugin' });
}

/** Nobody waits for it any more; its rejection must not end the process. */
export function swallow(thenable: PromiseLike<unknown>): void {
  settled(thenable).catch(ignore);
}

/** What was thrown, or given where a value belongs, may be a promise: see `swallow`. */
export function disown(value: unknown): void {
  try {
    if (isThenable(value)) swallow(value);
  } catch {
    // Its traps throw: it is somebody's Proxy, and no promise of the engine's.
  }
}

/**
 * A promise of ours for one of the plugin's. That one may have a `then` or a `constructor` of the plugin's own making, which throws, or calls
 * back at once and twice: `Promise.resolve` would look at them before there is anybody to catch it.
 */
export async function settled(thenable: unknown): Promise<unknown> {
  return await thenable;
}
export function ignore(): void {}

