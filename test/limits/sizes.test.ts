/** What a request may weigh: just below a limit it passes, just above it has its answer, and is counted. */
import { describe, expect, it } from 'vitest';
import type { LimitName } from '../../core/src/limits.ts';
import type { ListenerLimits } from '@steelyard/sdk';
import { RawClient, sendRaw } from '../e2e/support/client.ts';
import { httpOrigin, rawOrigin } from '../e2e/support/origin.ts';
import { expectMet, startLimited, until } from './support.ts';

const echo = () => httpOrigin((request, response) => {
  request.resume();
  request.on('end', () => response.end(`passed ${request.url}`));
});
const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
const chunked = (rest: string): string => `${POST}Transfer-Encoding: chunked\r\n\r\n${rest}`;
/** One byte of data, and a line of so many bytes. */
const chunkOf = (lineBytes: number): string => `1;${'x'.repeat(lineBytes - 4)}\r\na\r\n`;

const CASES: [limit: LimitName, limits: ListenerLimits, below: string, above: string, status: number][] = [
  ['head_bytes', { maxHeadBytes: 1_024 }, `${HEAD}A: ${'a'.repeat(500)}\r\nB: ${'b'.repeat(1_024 - HEAD.length - 512)}\r\n\r\n`, `${HEAD}A: ${'a'.repeat(500)}\r\nB: ${'b'.repeat(1_024 - HEAD.length - 511)}\r\n\r\n`, 431],
  ['target_bytes', { maxTargetBytes: 64 }, HEAD.replace('/', `/${'a'.repeat(63)}`) + '\r\n', HEAD.replace('/', `/${'a'.repeat(64)}`) + '\r\n', 414],
  ['target_bytes', { maxHeadBytes: 1_024 }, `${HEAD}\r\n`, `GET /${'a'.repeat(2_000)}`, 414],
  ['headers', { maxHeaders: 3 }, `${HEAD}A: a\r\n\r\n`, `${HEAD}A: a\r\nB: b\r\n\r\n`, 431],
  ['header_line_bytes', { maxHeaderLineBytes: 64 }, `${HEAD}A: ${'a'.repeat(61)}\r\n\r\n`, `${HEAD}A: ${'a'.repeat(62)}\r\n\r\n`, 431],
  ['header_line_bytes', { maxHeaderLineBytes: 64 }, `${HEAD}A: ${'a'.repeat(61)}\r\nB: b\r\n\r\n`, `${HEAD}A: ${'a'.repeat(62)}\r\nB: b\r\n\r\n`, 431],
  ['body_bytes', { maxBodyBytes: 5 }, `${POST}Content-Length: 5\r\n\r\nhello`, `${POST}Content-Length: 6\r\n\r\nhello!`, 413],
  ['body_bytes', { maxBodyBytes: 5 }, chunked('5\r\nhello\r\n0\r\n\r\n'), chunked('5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n'), 413],
  // 100 bytes of a line are 83 more than one with a byte of data needs.
  ['chunk_extension_bytes', { maxChunkExtensionBytes: 166 }, chunked(`${chunkOf(100).repeat(2)}0\r\n\r\n`), chunked(`${chunkOf(100).repeat(3)}0\r\n\r\n`), 400],
  ['chunk_extension_bytes', { maxChunkExtensionBytes: 1_000_000 }, chunked(`${chunkOf(256)}0\r\n\r\n`), chunked(`${chunkOf(257)}0\r\n\r\n`), 400],
  ['trailer_bytes', { maxTrailerBytes: 64 }, chunked(`0\r\nA: ${'a'.repeat(57)}\r\n\r\n`), chunked(`0\r\nA: ${'a'.repeat(58)}\r\n\r\n`), 431],
  ['trailer_bytes', {}, chunked(`0\r\n${'A: a\r\n'.repeat(64)}\r\n`), chunked(`0\r\n${'A: a\r\n'.repeat(65)}\r\n`), 431],
];

it.each(CASES)('%s %o', async (limit, limits, below, above, status) => {
  const limited = await startLimited({ limits }, (await echo()).url);
  expect(await sendRaw(limited.port, below)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*passed \//);
  await expectMet(limited, {});
  const answer = await sendRaw(limited.port, above);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n`, 'i'));
  await expectMet(limited, { [limit]: 1 });
});

describe('a connection', () => {
  it('carries so many requests, and says with the last that it is', async () => {
    const limited = await startLimited({ limits: { maxRequestsPerConnection: 3 } }, (await echo()).url);
    const client = await RawClient.connect(limited.port);
    // The fourth is pipelined: it is not answered, so the client knows that it was not served (RFC 9112 §9.6).
    const received = await client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n').closed();
    expect(received.match(/passed \/\d/g)).toEqual(['passed /1', 'passed /2', 'passed /3']);
    expect(received.split('HTTP/1.1 200').map((response) => /\r\nconnection: close\r\n/i.test(response))).toEqual([false, false, false, true]);
    await expectMet(limited, { requests_per_connection: 1 });
  });

  it('that pipelines further than it may is read again when there is room, and loses nothing', async () => {
    const answered: string[] = [];
    let hold: (() => void) | undefined;
    const origin = await rawOrigin((socket) => {
      let text = '';
      const answer = (): void => {
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          answered.push(text.slice(4, text.indexOf(' ', 4)));
          text = text.slice(end + 4);
          socket.write('HTTP/1.1 204 No Content\r\n\r\n');
        }
      };
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        if (hold === undefined) hold = answer;
        else answer();
      });
    });
    const limited = await startLimited({ limits: { maxPipelinedBytes: 1_024 } }, origin.url);
    const client = await RawClient.connect(limited.port);
    const requests = Array.from({ length: 200 }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(100)}\r\n\r\n`);
    client.send(requests[0]!);
    await until(() => hold !== undefined);
    await expectMet(limited, {});
    client.send(requests.slice(1).join(''));
    await until(async () => (await limited.hits('pipelined_bytes')) === 1);
    hold!();
    while ((client.received.match(/204/g)?.length ?? 0) < 200) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(answered).toEqual(requests.map((_, index) => `/${index}`));
  });

  it('that pipelines without end is held by TCP: what waits is bounded, whatever is sent', async () => {
    const origin = await rawOrigin(() => {});
    const limited = await startLimited({ limits: { maxPipelinedBytes: 65_536 } }, origin.url);
    const client = await RawClient.connect(limited.port);
    let sent = 0;
    const request = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(4_000)}\r\n\r\n`);
    // Until the kernel's buffers of both sides are full: nothing drains within a tick of many turns.
    for (let turns = 0; turns < 200; turns++) {
      if (client.socket.writableLength === 0) {
        sent += 16 * request.length;
        for (let i = 0; i < 16; i++) client.socket.write(request);
        turns = 0;
      }
      await new Promise(setImmediate);
    }
    expect(client.socket.writableLength).toBeGreaterThan(0);
    expect(sent).toBeLessThan(64_000_000);
    expect(await limited.hits('pipelined_bytes')).toBe(1);
  });
});
