import { isSteelyardError, SteelyardError } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../core/src/config/report.ts';
import { fromWire, toWire } from '../../core/src/workers/error-wire.ts';

/** As it comes out in the other thread. */
const crossed = (thrown: unknown): Error => fromWire(structuredClone(toWire(thrown)));

const thrower = (): never => {
  throw new Error('a getter');
};

describe('an error that crosses threads', () => {
  it('keeps code, hint, source, message, stack and cause', () => {
    const cause = new SteelyardError('ERR_UPSTREAM_CONNECT', { message: 'nobody listens', source: 'upstream', hint: 'is it up?' });
    const error = new SteelyardError('ERR_PLUGIN_CREATE', { message: 'no set-up', source: 'plugin', hint: 'look at it', cause });
    const { code, hint, source, message, stack } = error;
    expect(crossed(error)).toMatchObject({ code, hint, source, message, stack, cause: { code: 'ERR_UPSTREAM_CONNECT', message: 'nobody listens', hint: 'is it up?' } });
    expect(isSteelyardError(crossed(error))).toBe(true);
  });

  it('keeps the faults of a config and the files that it was made of', () => {
    const fault = { path: 'pools.web', problem: 'is missing', hint: 'write one', code: 'ERR_CONFIG' as const };
    const error = Object.assign(new ConfigError('ERR_CONFIG', 'the config has a fault', { faults: [fault] }), { files: ['/a.ts'] });
    const back = crossed(error);
    expect(back).toBeInstanceOf(ConfigError);
    expect(back).toMatchObject({ code: 'ERR_CONFIG', faults: [fault], files: ['/a.ts'] });
  });

  it('is an error without a code where it was none of ours, or no error at all', () => {
    expect(crossed(new TypeError('not a function'))).toMatchObject({ message: 'not a function' });
    expect(isSteelyardError(crossed(new TypeError('x')))).toBe(false);
    expect(crossed('a string').message).toBe('a string');
    expect(crossed(undefined).message).toBe('undefined');
  });

  it('has an end though its causes are a ring', () => {
    const ring = new Error('ring');
    ring.cause = ring;
    let depth = 0;
    for (let error: unknown = crossed(ring); error instanceof Error; error = error.cause) depth++;
    expect(depth).toBeGreaterThan(1);
    expect(depth).toBeLessThan(20);
  });

  // What cannot be posted would leave main waiting for an answer for ever.
  it.each([
    ['a message that is a function', Object.assign(new Error('x'), { message: thrower })],
    ['a message that is a symbol', Object.assign(new Error('x'), { message: Symbol('s') })],
    ['a stack that is a function', Object.assign(new Error('x'), { stack: thrower })],
    ['a hint that is a function', Object.assign(new SteelyardError('ERR_STATE', { message: 'x' }), { hint: thrower })],
    ['a getter that throws', Object.defineProperty(new Error('x'), 'message', { get: thrower })],
    ['no prototype', Object.create(null)],
    ['a cause that is a function', new Error('x', { cause: thrower })],
    ['a symbol', Symbol('s')],
    ['a proxy that throws', new Proxy(new Error('x'), { get: thrower, getPrototypeOf: thrower })],
  ])('crosses whatever it is: %s', (_what, thrown: unknown) => {
    expect(crossed(thrown)).toBeInstanceOf(Error);
    expect(crossed(thrown).message).toBeTypeOf('string');
  });
});
