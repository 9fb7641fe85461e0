/** Clocks and chance that a plugin must not touch: for a while, every use is noted. */
import nodeCrypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timerPromises from 'node:timers/promises';

/** Owner, key, what it is called, and what stands in its place. The modules come before the globals that share functions with them. */
type Trap = readonly [owner: object, key: string, name: string, instead: string];
const CLOCK = 'host.now()';
const CHANCE = 'host.random()';
const TRAPS: readonly Trap[] = [
  [Date, 'now', 'Date.now', CLOCK],
  [performance, 'now', 'performance.now', CLOCK],
  [process.hrtime, 'bigint', 'process.hrtime.bigint', CLOCK],
  [process, 'hrtime', 'process.hrtime', CLOCK],
  [process, 'uptime', 'process.uptime', CLOCK],
  [Math, 'random', 'Math.random', CHANCE],
  ...['randomBytes', 'randomFill', 'randomFillSync', 'randomInt', 'randomUUID'].map((key): Trap => [nodeCrypto, key, `crypto.${key}`, CHANCE]),
  ...['getRandomValues', 'randomUUID'].map((key): Trap => [crypto, key, `crypto.${key}`, CHANCE]),
  ...[timers, timerPromises, globalThis].flatMap((owner): Trap[] => [
    [owner, 'setTimeout', 'setTimeout', 'host.after()'],
    [owner, 'setImmediate', 'setImmediate', 'host.after()'],
    [owner, 'setInterval', 'setInterval', 'host.every()'],
  ]),
  // From Node 26 on.
  ...Object.getOwnPropertyNames(temporalNow()).map((key): Trap => [temporalNow(), key, `Temporal.Now.${key}`, 'host.wallTime()']),
];

function temporalNow(): object {
  return (globalThis as { Temporal?: { Now: object } }).Temporal?.Now ?? {};
}

export interface TrappedUse {
  /** `Math.random` */
  readonly name: string;
  /** `host.random()` */
  readonly instead: string;
  /** Where it was called, from the stack. */
  readonly where: string;
}

/**
 * Runs `fn` and returns each forbidden thing that was used in it, once. The real thing still answers, so the run goes on as it would.
 * What was taken hold of before (`const { random } = Math`, at load) is not seen.
 */
export function usesOfForbidden(fn: () => void): TrappedUse[] {
  const uses = new Map<string, TrappedUse>();
  const restores: (() => void)[] = [];
  const note = (name: string, instead: string) => {
    if (!uses.has(name)) uses.set(name, { name, instead, where: callerOf(new Error('where').stack ?? '') });
  };
  try {
    for (const [owner, key, name, instead] of TRAPS) {
      const isThere = typeof (owner as Record<string, unknown>)[key] === 'function' && Object.getOwnPropertyDescriptor(owner, key)?.configurable !== false;
      if (!isThere) continue;
      restores.push(replace(owner, key, (real) => new Proxy(real, {
        apply: (target, self, args) => {
          note(name, instead);
          return Reflect.apply(target, self, args) as unknown;
        },
      })));
    }
    restores.push(replace(globalThis, 'Date', (real) => new Proxy(real, {
      construct: (target, args, self) => {
        if (args.length === 0) note('new Date()', 'host.wallTime()');
        return Reflect.construct(target, args, self) as object;
      },
      apply: (target, self, args) => {
        note('Date()', 'host.wallTime()');
        return Reflect.apply(target, self, args) as unknown;
      },
    })));
    // What was imported by name (`import { randomBytes } from 'node:crypto'`) is trapped too.
    syncBuiltinESMExports();
    fn();
  } finally {
    for (const restore of restores.toReversed()) restore();
    syncBuiltinESMExports();
  }
  return [...uses.values()];
}

type AnyFunction = (...args: never[]) => unknown;

function replace(owner: object, key: string, make: (real: AnyFunction) => AnyFunction): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, key);
  const value = make((owner as Record<string, AnyFunction>)[key]!);
  Object.defineProperty(owner, key, { value, writable: true, configurable: true, enumerable: own?.enumerable ?? false });
  return () => {
    if (own) Object.defineProperty(owner, key, own);
    else delete (owner as Record<string, unknown>)[key];
  };
}

/** The first frame outside this file. */
function callerOf(stack: string): string {
  const frames = stack.split('\n').slice(1).map((line) => line.trim());
  return frames.find((frame) => !frame.includes('contract/traps.')) ?? 'unknown place';
}
