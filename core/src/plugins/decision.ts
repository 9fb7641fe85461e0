/** Guards of the two hooks that may wait and may refuse, `onConnect` and `onRequest`: time limits, and `onFailure`. */
import type { Answer, Connection, ErrorCode, HttpExchange } from '@steelyard/sdk';
import { copyOfAnswer, faultOfAnswer, isThenable, nameOf } from './answer.ts';
import { disown, ignore, nonsense, type RevertibleHead, refusePromise, settled } from './guard.ts';
import { HEALTHY, NORMAL, type Quarantine, REFUSED, type Ticket } from './quarantine.ts';
import type { CallQueue } from './time-limits.ts';

/** A reason goes into a log line. */
const MAX_REASON_CHARACTERS = 300;

/** The only value that `onConnect`'s hook gives. */
export interface ConnectVerdict {
  readonly refuse: string;
  /** Set when it stands for a failed plugin that is closed, not for a plugin's own decision. */
  readonly code?: ErrorCode;
}
/** The only value that `onRequest`'s hook gives: `{ pool }` does not end it, it goes to `exchange.redirect`. */
export interface RequestVerdict {
  readonly respond: Answer;
  /** Set when it stands for a failed plugin that is closed: then the balancer answers, not the plugin. */
  readonly code?: ErrorCode;
}

/** What the data path's exchange lets the guards do. */
export interface RedirectableExchange {
  /** Sends the exchange to another pool; the first wish counts. False when there is no http pool of that name. */
  redirect(pool: string): boolean;
  /**
   * An asynchronous tap was given this object, and what it began may outlive it: the object must never serve another exchange, or a
   * late edit of the plugin (`x-user: alice`) lands on another client's request.
   */
  retire(): void;
  /** It has ended while a tap thought about it: nobody else is asked. */
  readonly isOver: boolean;
}

/** What was kept of a request is not edited behind the call that it was lent for: the object serves other clients, too. */
interface LockableHead extends RevertibleHead {
  isLocked: boolean;
}

/** How one of the hooks reads results and takes things back. */
export interface DecisionRules<S, V> {
  /** There is nothing left to decide. */
  isOver(subject: S): boolean;
  /** Before a call: where the subject's edits stand. It may be edited until `shut`. */
  mark(subject: S): number;
  /** The call failed: its edits go. */
  rollback(subject: S, mark: number): void;
  /** The call is over, good or bad. */
  shut(subject: S): void;
  /** The call may still write to the subject when it is over. */
  retire(subject: S): void;
  /** The verdict, or `undefined` = no opinion. Throws when the result is nonsense. */
  read(subject: S, result: unknown): V | undefined;
  /** The verdict of a closed plugin that failed. */
  refusal(plugin: string, code: ErrorCode): V;
}

export const CONNECT_RULES: DecisionRules<Connection, ConnectVerdict> = {
  isOver: () => false,
  mark: () => 0,
  rollback: ignore,
  shut: ignore,
  retire: ignore,
  read(_connection, result) {
    if (result === undefined) return undefined;
    refusePromise(result);
    if (typeof result === 'object' && result !== null && 'refuse' in result && typeof result.refuse === 'string') return { refuse: result.refuse.slice(0, MAX_REASON_CHARACTERS) };
    throw nonsense(`it returned ${nameOf(result)}`, "return undefined, or { refuse: 'why' }");
  },
  refusal: (plugin, code) => ({ refuse: `plugin ${plugin} failed`, code }),
};

export const REQUEST_RULES: DecisionRules<HttpExchange, RequestVerdict> = {
  isOver: (exchange) => (exchange as unknown as RedirectableExchange).isOver,
  mark({ request }) {
    const head = request as unknown as LockableHead;
    head.isLocked = false;
    return head.mark();
  },
  rollback: ({ request }, mark) => (request as unknown as RevertibleHead).rollback(mark),
  shut({ request }) {
    (request as unknown as LockableHead).isLocked = true;
  },
  retire: (exchange) => (exchange as unknown as RedirectableExchange).retire(),
  read(exchange, result) {
    if (result === undefined) return undefined;
    refusePromise(result);
    if (typeof result === 'object' && result !== null) {
      if ('respond' in result) {
        const answer = copyOfAnswer(result.respond);
        const fault = faultOfAnswer(answer);
        if (fault !== '') {
          // `{ respond: ask() }` without its `await`.
          disown(answer);
          if (typeof answer === 'object' && answer !== null && 'body' in answer) disown(answer.body);
          throw nonsense(`its answer cannot be sent: ${fault}`, 'see `Answer` in @steelyard/sdk');
        }
        return { respond: answer as Answer };
      }
      if ('pool' in result && typeof result.pool === 'string') {
        if ((exchange as unknown as RedirectableExchange).redirect(result.pool)) return undefined;
        throw nonsense(`it sent the request to pool ${JSON.stringify(result.pool)}`, 'there is no http pool of that name in the config');
      }
    }
    throw nonsense(`it returned ${nameOf(result)}`, 'return undefined, { respond: { status } } or { pool }');
  },
  // Says nothing of the plugin: the client has no business knowing what runs here.
  refusal: (_plugin, code) => ({
    respond: { status: 503, headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '1' }, body: 'Service Unavailable: the request could not be checked\n' },
    code,
  }),
};

/** A tap that decides at once. tapable's type leaves out the `undefined` that means "no opinion". */
export function guardDecision<S, V>(tap: Quarantine, rules: DecisionRules<S, V>, fn: (subject: S) => unknown): (subject: S) => V {
  const { whenFailed, whenShut } = refusals(tap, rules);
  const guarded = (subject: S): V | undefined => {
    if (rules.isOver(subject)) return undefined;
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return whenShut;
    const mark = rules.mark(subject);
    let verdict: V | undefined;
    try {
      const result = fn(subject);
      if (result !== undefined) verdict = rules.read(subject, result);
    } catch (thrown) {
      rules.rollback(subject, mark);
      rules.shut(subject);
      blame(tap, ticket, thrown);
      return whenFailed;
    }
    rules.shut(subject);
    if (tap.state !== HEALTHY) tap.succeeded(ticket);
    return verdict;
  };
  return guarded as (subject: S) => V;
}

/**
 * A tap that may wait. It goes to tapable as a callback tap: its `tapPromise` leaves the hook pending for ever when the second
 * such tap throws synchronously, and has no time limit. `done` is called exactly once, whatever the function does, and never
 * from inside a try: what the core does next is not the plugin's fault.
 */
export function guardAsyncDecision<S, V>(
  tap: Quarantine, rules: DecisionRules<S, V>, limit: CallQueue, fn: (subject: S) => unknown,
): (subject: S, done: (error: null, verdict?: V) => void) => void {
  const { whenFailed, whenShut } = refusals(tap, rules);
  return (subject, done) => {
    if (rules.isOver(subject)) return done(null);
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return done(null, whenShut);
    const mark = rules.mark(subject);
    const fail = (thrown: unknown, isLate = false): void => {
      rules.rollback(subject, mark);
      rules.shut(subject);
      if (isLate) tap.failed(ticket, thrown);
      else blame(tap, ticket, thrown);
      done(null, whenFailed);
    };
    // What such a function began may go on behind its end (the loser of a race, an unawaited call) and write to the subject even then.
    rules.retire(subject);
    let pending: unknown;
    try {
      pending = fn(subject);
      if (!isThenable(pending)) throw nonsense(`it returned ${nameOf(pending)} where a promise is expected`, 'make the function async, or use tap');
    } catch (thrown) {
      return fail(thrown);
    }
    let isOpen = true;
    const call = limit.open(() => {
      isOpen = false;
      fail(nonsense(`it took longer than its time limit of ${limit.limitMs} ms`, 'the option timeLimitMs of tapPromise raises it, to 60,000 ms at most'), true);
    });
    const settle = (isGood: boolean, value: unknown): void => {
      if (!isOpen) return;
      isOpen = false;
      limit.close(call);
      if (!isGood) return fail(value);
      let verdict: V | undefined;
      try {
        verdict = rules.read(subject, value);
      } catch (thrown) {
        return fail(thrown);
      }
      rules.shut(subject);
      if (tap.state !== HEALTHY) tap.succeeded(ticket);
      done(null, verdict);
    };
    settled(pending).then((value) => settle(true, value), (error: unknown) => settle(false, error));
  };
}

/**
 * A closed plugin that throws has refused this one request, and that is its answer: shut out it would refuse everybody's, and ten odd requests of
 * one client would do. What a quarantine spares is the wait for one that is late.
 */
function blame(tap: Quarantine, ticket: Ticket, thrown: unknown): void {
  if (tap.plugin.onFailure === 'closed' && ticket === NORMAL) tap.plugin.report(tap.hook, thrown);
  else tap.failed(ticket, thrown);
}

function refusals<S, V>(tap: Quarantine, rules: DecisionRules<S, V>): { whenFailed: V | undefined; whenShut: V | undefined } {
  const { name, onFailure } = tap.plugin;
  if (onFailure === 'open') return { whenFailed: undefined, whenShut: undefined };
  return { whenFailed: rules.refusal(name, 'ERR_PLUGIN_TAP'), whenShut: rules.refusal(name, 'ERR_PLUGIN_QUARANTINE') };
}
