/** Leases that a test opens and ends, and the outcomes to end them with. */
import assert from 'node:assert/strict';
import type { ErrorCode } from '../errors.ts';
import type { Aborter, Exchange, Lease, Outcome, Phase, ResponseHead, Trailers } from '../model.ts';
import type { FakeBackend } from './backends.ts';

/**
 * The measured part of an outcome. Default: 0 everywhere, `firstByteMs` -1 where no answer came.
 * @example
 * import type { OutcomeFacts } from '@steelyard/sdk/testkit';
 * const slow: OutcomeFacts = { firstByteMs: 900, durationMs: 950 };
 * answered(200, slow);
 */
export type OutcomeFacts = Partial<Pick<Outcome, 'connectMs' | 'firstByteMs' | 'durationMs' | 'bytesToBackend' | 'bytesFromBackend'>>;

const NOTHING = { connectMs: 0, firstByteMs: -1, durationMs: 0, bytesToBackend: 0, bytesFromBackend: 0 };

/**
 * The whole response came.
 * @param status 200 to 599; 0 for TCP
 * @param facts `trailers`: fields behind the body, by name
 * @example
 * const w = world();
 * w.lease(w.backends(1)[0]!).end(answered(503, { durationMs: 12 }));
 */
export function answered(status = 200, facts: OutcomeFacts & { trailers?: Readonly<Record<string, string>> } = {}): Outcome {
  const { trailers, ...measured } = facts;
  const outcome = { ...NOTHING, firstByteMs: 0, ...measured, kind: 'answered', status } as const;
  return trailers === undefined ? outcome : { ...outcome, trailers: fakeTrailers(trailers) };
}

function fakeTrailers(given: Readonly<Record<string, string>>): Trailers {
  const fields = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  return { header: (name) => fields.get(name.toLowerCase()) };
}

const CODE_OF: Record<Phase, ErrorCode> = {
  connect: 'ERR_UPSTREAM_CONNECT',
  send: 'ERR_UPSTREAM_CLOSED',
  head: 'ERR_UPSTREAM_TIMEOUT',
  body: 'ERR_UPSTREAM_CLOSED',
};

/**
 * The backend failed in this phase, with the error code that is usual there.
 * @example
 * const w = world();
 * w.lease(w.backends(1)[0]!).end(failed('connect'));
 */
export function failed(phase: Phase, facts: OutcomeFacts & { code?: ErrorCode; status?: number } = {}): Outcome {
  const { code = CODE_OF[phase], status = phase === 'body' ? 200 : 0, ...measured } = facts;
  return { ...NOTHING, ...measured, kind: 'failed', phase, code, status };
}

/**
 * Somebody ended it before its end: says nothing about the backend.
 * @example
 * const w = world();
 * w.lease(w.backends(1)[0]!).end(aborted('client'));
 */
export function aborted(by: Aborter = 'client', facts: OutcomeFacts & { status?: number } = {}): Outcome {
  const { status = 0, ...measured } = facts;
  return { ...NOTHING, ...measured, kind: 'aborted', by, status };
}

/**
 * Who wants to hear of a lease: the strategy that picked.
 * @example
 * import type { LeaseListener } from '@steelyard/sdk/testkit';
 * const listener: LeaseListener = { onEnd: (lease, outcome) => console.log(lease.slot, outcome.kind) };
 * const w = world();
 * w.lease(w.backends(1)[0]!, w.exchange(), listener).end(); // 0 answered
 */
export interface LeaseListener {
  onStart?: (lease: Lease) => void;
  onHead?: (lease: Lease, head: ResponseHead) => void;
  onEnd?: (lease: Lease, outcome: Outcome) => void;
}

/**
 * An open lease. It counts in its backend's `inFlight` until `end`.
 * @example
 * const w = world();
 * const lease: FakeLease = w.lease(w.backends(1)[0]!);
 * w.advance(20);
 * lease.end(); // answered with 200 after 20 ms
 */
export class FakeLease implements Lease {
  readonly slot: number;
  readonly backend: FakeBackend;
  readonly exchange: Exchange;
  readonly startedAt: number;
  readonly #desk: LeaseDesk;
  readonly #listener: LeaseListener;
  #hasEnded = false;

  constructor(slot: number, backend: FakeBackend, exchange: Exchange, desk: LeaseDesk, listener: LeaseListener) {
    this.slot = slot;
    this.backend = backend;
    this.exchange = exchange;
    this.startedAt = desk.now();
    this.#desk = desk;
    this.#listener = listener;
  }

  /** The response head came: tells the strategy (`onHead`). */
  respond(head: ResponseHead): void {
    this.#listener.onHead?.(this, head);
  }

  /**
   * Ends the lease and tells the strategy (`onEnd`). Without an outcome: answered with 200, in the virtual time that has passed.
   * @throws AssertionError when it has ended before: a lease ends exactly once.
   */
  end(outcome?: Outcome): void {
    assert.ok(!this.#hasEnded, `the lease in slot ${this.slot} on ${this.backend.id} was ended twice`);
    this.#hasEnded = true;
    const elapsed = this.#desk.now() - this.startedAt;
    this.#desk.close(this, () => this.#listener.onEnd?.(this, outcome ?? answered(200, { firstByteMs: elapsed, durationMs: elapsed })));
  }
}

/** Gives out slots as the core does: the one freed last is used first, so they stay dense. */
export class LeaseDesk {
  readonly now: () => number;
  readonly #free: number[] = [];
  readonly #open = new Set<FakeLease>();
  #slots = 0;

  constructor(now: () => number) {
    this.now = now;
  }

  open(backend: FakeBackend, exchange: Exchange, listener: LeaseListener): FakeLease {
    const lease = new FakeLease(this.#free.pop() ?? this.#slots++, backend, exchange, this, listener);
    backend.inFlight++;
    this.#open.add(lease);
    listener.onStart?.(lease);
    return lease;
  }

  /** The in-flight is given back first, then the end is told, then the slot is free: the order of the core. */
  close(lease: FakeLease, tell: () => void): void {
    this.#open.delete(lease);
    lease.backend.inFlight--;
    try {
      tell();
    } finally {
      this.#free.push(lease.slot);
    }
  }

  get leases(): readonly FakeLease[] {
    return [...this.#open];
  }
}
