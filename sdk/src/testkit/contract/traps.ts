/** Clocks and chance that a plugin must not touch: for a while, every use is noted. */

const CALLS = [
  [Date, 'now', 'host.now()'],
  [performance, 'now', 'host.now()'],
  [process, 'hrtime', 'host.now()'],
  [Math, 'random', 'host.random()'],
  [crypto, 'getRandomValues', 'host.random()'],
  [globalThis, 'setTimeout', 'host.after()'],
  [globalThis, 'setInterval', 'host.every()'],
] as const;
const NAMES = new Map<object, string>([[Date, 'Date.'], [performance, 'performance.'], [process, 'process.'], [Math, 'Math.'], [crypto, 'crypto.'], [globalThis, '']]);

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
    for (const [owner, key, instead] of CALLS) {
      restores.push(replace(owner, key, (real) => new Proxy(real, {
        apply: (target, self, args) => {
          note(`${NAMES.get(owner)}${key}`, instead);
          return Reflect.apply(target, self, args) as unknown;
        },
      })));
    }
    restores.push(replace(globalThis, 'Date', (real) => new Proxy(real, {
      construct: (target, args, self) => {
        if (args.length === 0) note('new Date()', 'host.wallTime()');
        return Reflect.construct(target, args, self) as object;
      },
    })));
    fn();
  } finally {
    for (const restore of restores.toReversed()) restore();
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
