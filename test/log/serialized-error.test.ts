import { SteelyardError } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import { createThreadLogger } from '../../core/src/log.ts';

/** As it stands in the line. */
function logged(err: unknown): { err: Record<string, unknown>; line: string } {
  const lines: string[] = [];
  createThreadLogger({ kind: 'message', level: 'info' }, { onLine: (line) => lines.push(line) }).error({ err }, 'it threw');
  return { err: (JSON.parse(lines[0]!) as { err: Record<string, unknown> }).err, line: lines[0]! };
}

describe('something thrown, in a log line', () => {
  it('tells its type, message, stack and causes, and what Node says of a system call', () => {
    const error = Object.assign(new TypeError('no connection', { cause: new Error('refused') }), { code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.1', port: 80 });
    const { err } = logged(error);
    expect(err).toMatchObject({ type: 'TypeError', message: 'no connection: refused', code: 'ECONNREFUSED', syscall: 'connect', address: '10.0.0.1', port: 80 });
    expect(err['stack']).toContain('serialized-error.test.ts');
    expect(logged(new SteelyardError('ERR_STATE', { message: 'm', hint: 'h', source: 'config' })).err).toMatchObject({ code: 'ERR_STATE', hint: 'h', source: 'config' });
  });

  it('does not tell the requests that errors of HTTP clients carry', () => {
    const headers = { authorization: 'Bearer s3cret' };
    const inner = Object.assign(new Error('401'), { config: { headers }, request: { headers }, code: headers });
    const ring = new AggregateError([inner], 'both');
    ring.errors.push(ring);
    for (const thrown of [inner, Object.assign(new Error('x'), { reason: inner, errors: [inner] }), new Error('x', { cause: inner }), ring, { message: 'like an error', stack: 's', headers }]) {
      expect(logged(thrown).line).not.toContain('s3cret');
    }
    expect(logged(ring).err).toMatchObject({ aggregateErrors: [{ message: '401' }, { message: expect.stringContaining('both') }] });
  });

  it.each([{ headers: { authorization: 's3cret' } }, ['s3cret'].map((password) => ({ password })), new Map([['key', 's3cret']])])('tells what is no error in a sentence: %o', (thrown) => {
    expect(logged(thrown).line).not.toContain('s3cret');
    expect(typeof logged(thrown).err).toBe('string');
    expect(logged('a reason').err).toBe('a reason');
  });
});
