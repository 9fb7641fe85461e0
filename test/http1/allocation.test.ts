/** The hot path allocates nothing: measured by V8's own count of all bytes ever allocated, which no collection takes back. */
import { getHeapStatistics } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { ChunkedDecoder, CHUNK_DATA } from '../../core/src/http1/chunked.ts';
import type { RequestWire } from '../../core/src/http1/request-head.ts';
import type { ResponseWire } from '../../core/src/http1/response-head.ts';
import { LIMITS, accepted, acceptedResponse, get, latin1, lines } from './helpers.ts';

const CALLS = 20_000;
/** The smallest object takes 12 bytes, so one of them a call shows; what the test runner and the compiler allocate meanwhile is spread over all calls. */
const NOISE_BYTES_PER_CALL = 8;

/** On a loaded machine the compiler, in its own thread, takes its time; code that is not compiled yet boxes numbers. */
const MOST_ROUNDS = 100;

/** Bytes a call, of the first quiet round or the quietest of all. */
function allocatedPerCall(call: () => unknown): number {
  let least = Infinity;
  for (let round = 0; round < MOST_ROUNDS && least >= NOISE_BYTES_PER_CALL; round++) {
    const before = allocatedBytes();
    for (let i = 0; i < CALLS; i++) call();
    least = Math.min(least, (allocatedBytes() - before) / CALLS);
  }
  return least;
}
function allocatedBytes(): number {
  return (getHeapStatistics() as unknown as { total_allocated_bytes: number }).total_allocated_bytes;
}

describe.skipIf(allocatedBytes() === undefined)('in steady state', () => {
  const request = latin1(get('User-Agent: x', 'Accept: */*', 'Connection: keep-alive, x-a', 'X-A: 1', 'Content-Length: 12345678', `Cookie: ${'c'.repeat(100)}`));
  const requestHead = accepted(request.toString('latin1'));
  const response = latin1(lines('HTTP/1.1 200 OK', 'Content-Length: 12345678', 'Connection: keep-alive', 'Server: x'));
  const responseHead = acceptedResponse(response.toString('latin1'));
  const toBackend: RequestWire = { hostLine: undefined, extra: latin1('Via: 1.1 x\r\n'), dropForwarding: true, forwardedHost: true };
  const toClient: ResponseWire = { framing: 'length', connection: 'keep-alive' };
  const out = Buffer.alloc(4096);

  it('the measure sees one small object a call', () => {
    let kept: object = {};
    expect(allocatedPerCall(() => (kept = { kept: 1 }))).toBeGreaterThan(NOISE_BYTES_PER_CALL);
    expect(kept).toEqual({ kept: 1 });
  });
  it('a request is parsed and written without allocation', () => {
    const call = (): void => {
      requestHead.parse(request, 0, request.length, LIMITS);
      requestHead.write(out, 0, toBackend);
    };
    expect(allocatedPerCall(call)).toBeLessThan(NOISE_BYTES_PER_CALL);
  });
  it('a response is parsed and written without allocation', () => {
    const call = (): void => {
      responseHead.parse(response, 0, response.length, LIMITS);
      responseHead.write(out, 0, toClient);
    };
    expect(allocatedPerCall(call)).toBeLessThan(NOISE_BYTES_PER_CALL);
  });
  it('a field is looked up again, set and written without allocation', () => {
    const call = (): void => {
      requestHead.rollback(0);
      requestHead.setHeader('X-B', requestHead.header('user-agent') === undefined ? 'no' : 'yes');
      requestHead.write(out, 0, toBackend);
    };
    expect(allocatedPerCall(call)).toBeLessThan(NOISE_BYTES_PER_CALL);
  });
  it('method, presence of a field and chunks are had without allocation', () => {
    const body = latin1('3\r\nabc\r\n0\r\n\r\n');
    const chunks = new ChunkedDecoder();
    const call = (): unknown => {
      chunks.reset();
      for (let at = 0; chunks.next(body, at, body.length) === CHUNK_DATA; at = chunks.at);
      return requestHead.hasHeader('cookie') && requestHead.method;
    };
    expect(allocatedPerCall(call)).toBeLessThan(NOISE_BYTES_PER_CALL);
  });
});
