/**
 * What the HTTP/1.1 heads cost: ns a call and bytes of heap a call. `npx node --expose-gc test/bench/http1.bench.ts`
 * Numbers are for comparing two states of the code on one machine; no test reads them.
 */
import { ChunkedDecoder, writeChunkHead } from '../../core/src/http1/chunked.ts';
import type { HeadLimits } from '../../core/src/http1/limits.ts';
import { Http1RequestHead, type RequestWire } from '../../core/src/http1/request-head.ts';
import { Http1ResponseHead, type ResponseWire } from '../../core/src/http1/response-head.ts';

const CALLS = 100_000;
/** The quickest counts: the others were disturbed. */
const ROUNDS = 10;
const WARM_UP = 100_000;
const LIMITS: HeadLimits = { maxHeadBytes: 32_768, maxTargetBytes: 8192, maxHeaders: 100 };

const browserGet = Buffer.from(
  [
    'GET /api/v1/items?page=2&sort=name HTTP/1.1', 'Host: shop.example.org:8080', 'Connection: keep-alive', 'Accept: application/json, text/plain, */*',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
    'Accept-Encoding: gzip, deflate, br', 'Accept-Language: en-GB,en;q=0.9', 'Cookie: session=4f2a9c0e7d5b4b7f; theme=dark', 'Cache-Control: no-cache',
    'Referer: http://shop.example.org:8080/items', 'If-None-Match: "5d8c72a5edda8"', '', '',
  ].join('\r\n'),
);
const curlGet = Buffer.from('GET /hello HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n');
const okResponse = Buffer.from(
  [
    'HTTP/1.1 200 OK', 'Date: Mon, 01 Jun 2026 10:00:00 GMT', 'Server: demo', 'Content-Type: application/json; charset=utf-8', 'Content-Length: 1024',
    'Connection: keep-alive', 'Keep-Alive: timeout=5', 'ETag: W/"400-gVJtUvWsl0SLZNEtiAeGYzzH"', 'Cache-Control: public, max-age=0', 'Vary: Accept-Encoding', 'X-Request-Id: 7c0cd9ab', '', '',
  ].join('\r\n'),
);
const chunkedBody = Buffer.from(`400\r\n${'x'.repeat(1024)}\r\n`.repeat(4) + '0\r\n\r\n');

const out = Buffer.allocUnsafeSlow(65_536);
const toBackend: RequestWire = {
  hostLine: undefined,
  extra: Buffer.from('X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nVia: 1.1 steelyard\r\n'),
  dropForwarding: true,
  forwardedHost: true,
};
const toClient: ResponseWire = { framing: 'length', connection: '' };
const request = new Http1RequestHead();
const response = new Http1ResponseHead();
const chunks = new ChunkedDecoder();

measure(`parse GET, 10 fields, ${browserGet.length} bytes`, () => request.parse(browserGet, 0, browserGet.length, LIMITS));
measure('write GET, 10 fields', () => request.write(out, 0, toBackend));
measure('look up one field', () => (request.hasHeader('If-None-Match') ? 1 : 0));
measure(`parse GET, 3 fields, ${curlGet.length} bytes`, () => request.parse(curlGet, 0, curlGet.length, LIMITS));
measure('write GET, 3 fields', () => request.write(out, 0, toBackend));
measure(`parse 200, 10 fields, ${okResponse.length} bytes`, () => response.parse(okResponse, 0, okResponse.length, LIMITS));
measure('write 200, 10 fields', () => response.write(out, 0, toClient));
measure('decode 4 chunks of 1 KiB', () => {
  chunks.reset();
  let at = 0;
  while (chunks.next(chunkedBody, at, chunkedBody.length) === 1) at = chunks.at;
  return chunks.at;
});
measure('write a chunk head', () => writeChunkHead(out, 0, 16_384));

/** Results are added up and compared with 0, so that no call can be optimised away. */
function measure(name: string, call: () => number): void {
  let sum = 0;
  for (let i = 0; i < WARM_UP; i++) sum += call();
  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  let ns = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) sum += call();
    ns = Math.min(ns, Number(process.hrtime.bigint() - startedAt) / CALLS);
  }
  const heapBytes = (process.memoryUsage().heapUsed - heapBefore) / (CALLS * ROUNDS);
  if (sum === 0) throw new Error(`${name} did nothing`);
  console.log(`${name.padEnd(36)} ${ns.toFixed(0).padStart(6)} ns ${heapBytes.toFixed(2).padStart(8)} B of heap`);
}
