import { describe, expect, it } from 'vitest';
import { digestOf, patternOf } from '../origin/pattern.ts';
import { ResponseReader } from './response-reader.ts';
import { bytesOf, judge, type Ask } from './wire.ts';

const ask: Ask = { id: 'r7', method: 'POST', path: '/', bodyBytes: 10, answerBytes: 7 };
const reply = (parts: { id?: string; got?: string; body?: Buffer; status?: number; twice?: boolean } = {}): Parameters<typeof judge>[1] => ({
  status: parts.status ?? 200, body: parts.body ?? patternOf('r7', 7),
  headers: new Map([['x-id', parts.id ?? 'r7'], ['x-got', parts.got ?? digestOf(patternOf('r7', 10))], ...(parts.twice === true ? [['x-twice', '1'] as const] : [])]),
});

describe('an answer is judged', () => {
  it('right only with its own id, the digest of the body sent, and every byte of the body wanted', () => {
    expect(judge(ask, reply())).toEqual({ kind: 'answered' });
    for (const wrong of [{ id: 'r8' }, { got: digestOf(patternOf('r8', 10)) }, { body: patternOf('r8', 7) }, { body: patternOf('r7', 8) }, { twice: true }, { status: 500 }]) {
      expect(judge(ask, reply(wrong)).kind).toBe('wrong');
    }
  });
  it('as an error of the balancer where no backend put its id on it', () => {
    expect(judge(ask, { status: 502, headers: new Map(), body: Buffer.alloc(0) })).toEqual({ kind: 'status', status: 502 });
  });
});

describe('the reader of responses', () => {
  const all = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n2\r\nuv\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n';
  const wanted = ['200 abc', '100 ', '200 xyzuv', '200 '];

  it('gives the same in whatever pieces the bytes come', () => {
    for (let size = 1; size <= all.length; size++) {
      const reader = new ResponseReader();
      for (const method of ['GET', 'GET', 'HEAD']) reader.expect(method);
      const got: string[] = [];
      for (let at = 0; at < all.length; at += size) got.push(...reader.read(Buffer.from(all.slice(at, at + size))).map(({ status, body }) => `${status} ${body.toString()}`));
      expect(got).toEqual(wanted);
      expect(reader.isWithin).toBe(false);
    }
  });
  it('refuses what no client can read, and a response to nothing', () => {
    for (const bytes of ['HTTP/1.1 200 OK\r\n\r\n', 'nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n']) {
      const reader = new ResponseReader();
      reader.expect('GET');
      expect(() => reader.read(Buffer.from(bytes))).toThrow();
    }
    expect(() => new ResponseReader().read(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))).toThrow('no request');
  });
});

it('a body in chunks is whole, with its extensions', () => {
  const text = bytesOf({ id: 'a', method: 'PUT', path: '/', bodyBytes: 6_000, isChunked: true }).toString();
  expect(text).toContain('1388;extension=0\r\n');
  expect(text.endsWith('\r\n0\r\n\r\n')).toBe(true);
});
