/** What a plugin may throw, and what it may return, that nobody expects: values with traps, of the wrong type, endless, or huge. */

/** Each is made anew for each use: some can be used once. */
export interface Misdeed {
  readonly does: string;
  readonly make: () => unknown;
}

const trapped = (): object => {
  const trap = (): never => {
    throw new Error('a trap');
  };
  return new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap, getOwnPropertyDescriptor: trap });
};
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const withGetter = (name: string, base: object = {}): object => Object.defineProperty(base, name, { enumerable: true, get() { throw new Error(`the getter of ${name}`); } });
const ring = (): Error => {
  const error = new Error('ring');
  error.cause = error;
  return error;
};
const recurse = (): never => {
  const deeper = (depth: number): number => deeper(depth + 1) + 1;
  deeper(0);
  throw new Error('it came back');
};

export const THROWN: readonly Misdeed[] = [
  { does: 'an Error', make: () => new Error('boom') },
  { does: 'undefined', make: () => undefined },
  { does: 'null', make: () => null },
  { does: 'a frozen object', make: () => Object.freeze({ code: 'ERR_CONFIG' }) },
  { does: 'a symbol', make: () => Symbol('s') },
  { does: 'an object without a prototype', make: () => Object.create(null) as unknown },
  { does: 'an Error whose message throws', make: () => withGetter('message', new Error('x')) },
  { does: 'an Error whose stack throws', make: () => withGetter('stack', new Error('x')) },
  { does: 'an Error that is its own cause', make: ring },
  { does: 'a Proxy whose traps throw', make: trapped },
  { does: 'a revoked Proxy', make: revoked },
  { does: 'a promise that rejects', make: () => Promise.reject(new Error('thrown promise')) },
  { does: 'an Error of 4 MB', make: () => new Error('x'.repeat(4_000_000)) },
];

/** Nothing of it says what to do, in any hook. None of them is a promise. */
export const NONSENSE: readonly Misdeed[] = [
  { does: 'null', make: () => null },
  { does: 'true', make: () => true },
  { does: 'NaN', make: () => Number.NaN },
  { does: 'a string of 4 MB', make: () => 'x'.repeat(4_000_000) },
  { does: 'a symbol', make: () => Symbol('s') },
  { does: 'a function', make: () => () => ({ respond: { status: 200 } }) },
  { does: 'a list', make: () => [] },
  { does: 'an empty object', make: () => ({}) },
  { does: 'an object without a prototype', make: () => Object.create(null) as unknown },
];
/** The same, but whoever looks at it meets an exception. */
export const TRAPS: readonly Misdeed[] = [
  { does: 'a Proxy whose traps throw', make: trapped },
  { does: 'a revoked Proxy', make: revoked },
  { does: 'an object whose `then` throws', make: () => withGetter('then') },
];

/** Where none is allowed. */
export const PROMISES: readonly Misdeed[] = [
  { does: 'a promise', make: () => Promise.resolve() },
  { does: 'a promise that rejects', make: () => Promise.reject(new Error('late boom')) },
  { does: 'a promise that never settles', make: () => new Promise(() => {}) },
  // eslint-disable-next-line unicorn/no-thenable -- a plugin may
  { does: 'a thenable that throws', make: () => ({ then() { throw new Error('then'); } }) },
  // eslint-disable-next-line unicorn/no-thenable -- a plugin may
  { does: 'a thenable that answers at once, twice', make: () => ({ then: (good: (value: unknown) => void) => (good(undefined), good(undefined)) }) },
  { does: 'a promise whose constructor throws', make: () => withGetter('constructor', Promise.resolve()) },
  // eslint-disable-next-line unicorn/no-thenable -- a plugin may
  { does: 'a promise whose own `then` throws', make: () => Object.assign(Promise.resolve(), { then() { throw new Error('then'); } }) },
];

/** Ways to throw. */
export const thrower = ({ make }: Misdeed) => (): never => {
  throw make();
};
export const RECURSION = recurse;
