/** What holds for every head and body, checked on generated ones. */
import { METHODS } from 'node:http';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkedDecoder, writeChunkHead } from '../../core/src/http1/chunked.ts';
import { Http1RequestHead } from '../../core/src/http1/request-head.ts';
import { isAuthority, normalisePath } from '../../core/src/http1/target.ts';
import { LIMITS, accepted, decode, get, latin1, parseInReads, parseRequest, parseResponse, responseWireOf, verdict, wireOf } from './helpers.ts';
import { Llhttp } from '../fuzz/llhttp.ts';

const LAST_CHUNK = '0\r\n\r\n';

/** The same cases in every run: a failure here is a failure anywhere. */
fc.configureGlobal({ seed: 9112, numRuns: 500 });

/** What llhttp makes of these bytes, a request. */
function askLlhttp(bytes: Buffer): Llhttp {
  const llhttp = new Llhttp();
  llhttp.begin('request', false);
  llhttp.read(bytes);
  return llhttp;
}

/** Strings of these characters. */
function textOf(characters: string, maxLength: number, minLength = 0): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...characters.split('')), minLength, maxLength });
}
const token = textOf("!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz", 12, 1);
const space = fc.constantFrom('', ' ', '\t', '  ');
const value = textOf('ab ,;="\'()/:@\t\xe9\xff09', 20);
/** Methods that llhttp knows too. */
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PURGE', 'PROPFIND', 'REPORT');
const target = textOf('abAB09/?%&=.~-_:@!$\'()*+,;', 30).map((rest) => `/${rest}`);
const hopByHop = fc.constantFrom(
  'Keep-Alive: timeout=5', 'Proxy-Connection: x', 'TE: trailers', 'Connection: keep-alive', 'Connection: X-Named, close', 'x-named: 1', 'HTTP2-Settings: AA', 'Upgrade: h2c',
  'Proxy-Authorization: x', 'X-Forwarded-For: 6.6.6.6', 'Forwarded: for=6',
);
/** Framing that a request may have, and the body to it. */
const framing = fc.oneof(
  fc.constant({ field: '', body: '' }),
  textOf('ab\r\n', 20).map((body) => ({ field: `Content-Length: ${body.length}`, body })),
  fc.array(textOf('ab\r\n', 9, 1), { maxLength: 4 }).map((chunks) => ({ field: 'Transfer-Encoding: chunked', body: encode(chunks) })),
);
/** Names that the grammar above may hit by chance have rules of their own. */
const field = fc.oneof(
  fc.tuple(token, space, value, space).map(([name, before, text, behind]) => `${name}:${before}${text}${behind}`),
  hopByHop,
);
const request = fc.record({ method, target, minor: fc.constantFrom('1', '1', '1', '0'), fields: fc.array(field, { maxLength: 8 }), framing, hostAt: fc.nat(8) }).map((parts) => {
  const fields = [...parts.fields];
  fields.splice(parts.hostAt, 0, 'Host: a.example:80');
  const isChunkedIn10 = parts.minor === '0' && parts.framing.field.startsWith('T');
  if (parts.framing.field !== '' && !isChunkedIn10) fields.push(parts.framing.field);
  const head = [`${parts.method} ${parts.target} HTTP/1.${parts.minor}`, ...fields, '', ''].join('\r\n');
  return { ...parts, head, body: isChunkedIn10 ? '' : parts.framing.body };
});

/** Bytes put in, taken out or changed, of the kind that smuggling is made of. */
const dirt = fc.constantFrom('\r', '\n', '\r\n', ' ', '\t', ':', '\0', ',', '0', '\x0b', '\x7f', '\xa0', 'x', '/', '#', '');
const damaged = fc.tuple(request, fc.array(fc.tuple(fc.nat(400), fc.nat(2), dirt), { maxLength: 3 })).map(([{ head }, damages]) => {
  let text = head;
  for (const [place, removed, added] of damages) text = text.slice(0, place % text.length) + added + text.slice((place % text.length) + removed);
  return text;
});

function encode(chunks: readonly string[]): string {
  return chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('') + LAST_CHUNK;
}
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('request heads', () => {
  it('get the same verdict however they are cut, valid or not', () => {
    const verdicts = new Map<string, number>();
    fc.assert(
      fc.property(damaged, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), (text, places) => {
        const whole = verdict(parseRequest(text));
        verdicts.set(whole, (verdicts.get(whole) ?? 0) + 1);
        expect(verdict(parseInReads(cutAt(latin1(text), places)))).toBe(whole);
      }),
    );
    // The generator is no good if it makes one kind only.
    expect(Math.min(verdicts.get('ok') ?? 0, verdicts.get('ERR_REQUEST_MALFORMED') ?? 0)).toBeGreaterThan(50);
  });

  it('that we accept, llhttp accepts, with the same method, target, fields and body', () => {
    let agreed = 0;
    fc.assert(
      fc.property(fc.oneof(request, damaged.map((head) => ({ head, body: '' }))), ({ head: text, body }) => {
        const { head, met } = parseRequest(text + body);
        if (met <= 0) return;
        // llhttp has a list of methods; to us every token is one.
        if (!METHODS.includes(head.method)) return;
        const whole = head.contentLength > 0 ? text.slice(0, met) + 'x'.repeat(head.contentLength % 1000) : text + body;
        const opinion = askLlhttp(latin1(whole));
        expect(opinion.error).toBe('');
        expect(opinion.method).toBe(head.method);
        expect(opinion.target).toBe(head.target);
        expect(opinion.fields).toEqual(head.headers());
        if (body !== '') {
          expect(opinion.isComplete).toBe(true);
          expect(opinion.body.length).toBe(head.chunked ? decode([latin1(body)]).body.length : body.length);
        }
        agreed += 1;
      }),
    );
    expect(agreed).toBeGreaterThan(200);
  });

  it('mean the same after write, and hold nothing that must not go on', () => {
    let compared = 0;
    fc.assert(
      fc.property(request, fc.boolean(), ({ head: text }, dropForwarding) => {
        const { head, met } = parseRequest(text);
        if (met <= 0) return;
        const extra = latin1('Via: 1.1 steelyard\r\n');
        const wire = wireOf(head, { extra, dropForwarding });
        const again = accepted(wire);
        expect(again).toMatchObject({
          method: head.method, target: head.target, host: head.host, contentLength: head.contentLength, chunked: head.chunked, version: '1.1',
        });
        expect(wire).not.toMatch(/^(connection|keep-alive|proxy-connection|te|upgrade|http2-settings|proxy-authorization):/im);
        if (dropForwarding) expect(wire).not.toMatch(/^(forwarded|x-forwarded-for):/im);
        const isNamed = head.header('connection')?.includes('X-Named') ?? false;
        expect(again.headers().filter(([name]) => !/^(host|via|content-length|transfer-encoding)$/i.test(name))).toEqual(
          head.headers().filter(([name]) => {
            const key = name.toLowerCase();
            if (/^(host|via|content-length|transfer-encoding|connection|keep-alive|proxy-connection|te|upgrade|http2-settings|proxy-authorization)$/.test(key)) return false;
            return !(isNamed && key === 'x-named') && !(dropForwarding && /^(forwarded|x-forwarded-.+)$/.test(key));
          }),
        );
        // And another parser reads the same out of it.
        const opinion = askLlhttp(latin1(wire));
        expect([opinion.error, opinion.method, opinion.target]).toEqual(['', head.method, head.target]);
        compared += 1;
      }),
    );
    expect(compared).toBeGreaterThan(300);
  });

  it('with edits mean what look-ups showed', () => {
    const edit = fc.tuple(fc.constantFrom('set', 'append', 'remove'), fc.constantFrom('A', 'a', 'B', 'X-Named', 'User-Agent'), value);
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), fc.array(fc.constantFrom('A: 1', 'b: 2', 'User-Agent: 3', 'C: 4'), { maxLength: 5 }), (edits, fields) => {
        const head = accepted(['GET / HTTP/1.1', 'Host: a', ...fields, '', ''].join('\r\n'));
        for (const [kind, name, text] of edits) {
          if (kind === 'set') head.setHeader(name, text);
          else if (kind === 'append') head.appendHeader(name, text);
          else head.removeHeader(name);
        }
        expect(accepted(wireOf(head)).headers()).toEqual(head.headers());
      }),
    );
  });
});

describe('edits', () => {
  // Few names in several spellings, some with one hash: `X-Abc-Z` and `X-Abd-Z` have the same length and ends.
  const name = fc.constantFrom('A', 'a', 'B', 'X-Abc-Z', 'X-Abd-Z', 'x-abc-z', 'Via');
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('set', 'append', 'remove'), name, text: fc.constantFrom('1', '2', '', 'x'.repeat(70)) }),
    fc.record({ kind: fc.constantFrom('target'), name, text: fc.constantFrom('/1', '/2') }),
    fc.record({ kind: fc.constantFrom('rollback'), name, text: fc.nat(9).map(String) }),
  );
  const fields = fc.array(fc.constantFrom('A: 1', 'b: 2', 'X-Abc-Z: 3', 'x-abd-z: 4', 'C: 5'), { maxLength: 5 });

  it('made and taken back in any order leave what a plain list of fields would', () => {
    fc.assert(
      fc.property(fields, fc.array(step, { maxLength: 20 }), (received, steps) => {
        const head = accepted(get(...received));
        const states = [{ target: '/', received: [['Host', 'a.example'], ...received.map((line) => line.split(': '))], written: [] as string[][] }];
        for (const { kind, name: edited, text } of steps) {
          const { target: oldTarget, received: left, written } = states.at(-1)!;
          const others = (list: string[][]): string[][] => list.filter(([other]) => other!.toLowerCase() !== edited.toLowerCase());
          if (kind === 'rollback') {
            states.length = 1 + (Number(text) % states.length);
            head.rollback(states.length - 1);
          } else if (kind === 'target') {
            head.setTarget(text);
            states.push({ target: text, received: left, written });
          } else if (kind === 'append') {
            head.appendHeader(edited, text);
            states.push({ target: oldTarget, received: left, written: [...written, [edited, text]] });
          } else {
            if (kind === 'set') head.setHeader(edited, text);
            else head.removeHeader(edited);
            states.push({ target: oldTarget, received: others(left), written: kind === 'set' ? [...others(written), [edited, text]] : others(written) });
          }
          const now = states.at(-1)!;
          expect(head.target).toBe(now.target);
          expect(head.headers()).toEqual([...now.received, ...now.written]);
          for (const asked of ['A', 'b', 'x-ABC-z', 'X-Abd-Z', 'C', 'via', 'd']) {
            const values = [...now.received, ...now.written].filter(([other]) => other!.toLowerCase() === asked.toLowerCase()).map(([, text_]) => text_);
            expect([head.header(asked), head.headerValues(asked), head.hasHeader(asked)]).toEqual([values.length > 0 ? values.join(', ') : undefined, values, values.length > 0]);
          }
          const wire = accepted(wireOf(head));
          expect([wire.target, wire.headers()]).toEqual([now.target, head.headers()]);
        }
      }),
    );
  });
  it('of one request show nothing in the next ones on the same head, however much alike', () => {
    // A script, and for each request what becomes of its steps: mostly the same again, as plugins do.
    const fates = fc.array(fc.constantFrom('same', 'same', 'same', 'same', 'left out', 'other value', 'longer value', 'refused', 'taken back'), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.record({ kind: fc.constantFrom('set', 'set', 'append', 'remove', 'target', 'host'), name }), { maxLength: 12 }), fc.array(fc.tuple(fields, fates), { minLength: 2, maxLength: 5 }), (script, requests) => {
        const reused = accepted(get());
        for (const [received, fateOf] of requests) {
          const bytes = latin1(get(...received));
          reused.parse(bytes, 0, bytes.length, LIMITS);
          const fresh = accepted(get(...received));
          for (const head of [reused, fresh]) {
            for (const [index, { kind, name: edited }] of script.entries()) {
              const fate = fateOf[index]!;
              const text = { 'other value': 'v2', 'longer value': 'v'.repeat(70) }[fate as string] ?? 'v1';
              const mark = head.mark();
              if (fate === 'left out') continue;
              if (fate === 'refused') expect(() => head.setHeader(edited, 'v\r')).toThrow('control');
              else if (kind === 'set') head.setHeader(edited, text);
              else if (kind === 'append') head.appendHeader(edited, text);
              else if (kind === 'remove') head.removeHeader(edited);
              else if (kind === 'target') head.setTarget(`/${text}`);
              else head.setHeader('Host', text);
              head.header(edited);
              if (fate === 'taken back') head.rollback(mark);
            }
          }
          expect(reused.headers()).toEqual(fresh.headers());
          for (const asked of ['A', 'b', 'x-ABC-z', 'X-Abd-Z', 'C', 'via', 'host']) expect(reused.header(asked)).toBe(fresh.header(asked));
          expect([reused.target, reused.host, reused.mark(), wireOf(reused)]).toEqual([fresh.target, fresh.host, fresh.mark(), wireOf(fresh)]);
          if (fateOf[0] === 'left out') reused.shrink();
        }
      }),
    );
  });
});

describe('chunked bodies', () => {
  it('come out as they went in, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 6 }), fc.boolean(), (chunks, places, hasTrailers) => {
        const coded: Buffer[] = [];
        for (const chunk of chunks) {
          const line = Buffer.alloc(16);
          coded.push(line.subarray(0, writeChunkHead(line, 0, chunk.length)), Buffer.from(chunk), latin1('\r\n'));
        }
        coded.push(hasTrailers ? latin1('0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n') : latin1(LAST_CHUNK), latin1('next'));
        const whole = Buffer.concat(coded);
        const expected = { end: 'end', body: Buffer.concat(chunks).toString('latin1'), trailers: hasTrailers ? 'X-Sum: 1\r\n' : '', rest: 4 };
        expect(decode(cutAt(whole, places))).toMatchObject(expected);
      }),
    );
  });
});

describe('any input', () => {
  const anything = fc.oneof(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')), damaged, textOf('\r\n :,;0aAGET/HTP1.\0', 100));
  it('gets a verdict, never an exception, and the bytes stay as they are', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const request = parseRequest(text);
        if (request.met > 0) wireOf(request.head, { dropForwarding: true, forwardedHost: true });
        request.head.headers();
        expect([request.head.method, request.head.path, request.head.query, request.head.host, request.head.version]).not.toContain(undefined);
        expect((request.met === -1) === (request.head.fault !== '')).toBe(true);
        for (const status of ['', 'HTTP/1.1 200 OK\r\n']) {
          const response = parseResponse(status + text);
          if (response.met > 0) responseWireOf(response.head, { framing: 'close' });
        }
        const bytes = latin1(text);
        decode([bytes]);
        new ChunkedDecoder().next(bytes, 0, bytes.length);
        isAuthority(bytes, 0, bytes.length);
        expect(normalisePath(normalisePath(text))).toBeTypeOf('string');
        expect(bytes.toString('latin1')).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
  it('may lie anywhere in a larger buffer', () => {
    const head = new Http1RequestHead();
    fc.assert(
      fc.property(damaged, fc.nat(50), (text, start) => {
        const bytes = Buffer.concat([Buffer.alloc(start, 0x0a), latin1(text), latin1('\r\n\r\nGET / HTTP/1.1\r\n')]);
        const met = head.parse(bytes, start, start + text.length, LIMITS);
        expect(verdict({ head, met })).toBe(verdict(parseRequest(text)));
      }),
    );
  });
});
