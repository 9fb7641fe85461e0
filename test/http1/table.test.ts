/** The parsers on the bytes of the conformance table: the verdict is the table's, and the same in one read, in two, and byte by byte. */
import { describe, expect, it } from 'vitest';
import type { Case } from '../conformance/case.ts';
import { TABLE, titleOf } from '../conformance/table.ts';
import { STATUS_OF } from '../../core/src/request/answer.ts';
import { cuts, decode, latin1, parseInReads, parseRequest, parseResponse, singly, verdict } from './helpers.ts';

/** Longer ones are cut elsewhere: at every place it would be seconds. */
const CUT_EVERYWHERE_BELOW_BYTES = 600;

function textOf({ send }: Case): string {
  return send.filter((step) => typeof step === 'string').join('');
}
const requests = TABLE.filter(({ row }) => row <= 45).map((one) => [titleOf(one), textOf(one), Number(one.expect.answers[0] ?? 200)] as const);

describe('request heads', () => {
  it.each(requests)('%s', (_title, text, status) => {
    const { head, met } = parseRequest(text);
    // What is wrong behind the head, with the body or the backend, is not this parser's.
    if (met < 0) expect([STATUS_OF[head.fault || 'ERR_REQUEST_MALFORMED'], head.faultDetail]).toEqual([status, expect.stringMatching(/^\S.* .*[^.]$/)]);
  });

  it.each(requests.filter(([, text]) => text.length < CUT_EVERYWHERE_BELOW_BYTES))('%s, however it is cut', (_title, text) => {
    const bytes = latin1(text);
    const expected = verdict(parseRequest(text));
    for (const reads of cuts(bytes)) expect(verdict(parseInReads(reads))).toBe(expected);
    expect(verdict(parseInReads(singly(bytes)))).toBe(expected);
  });
});

const CHUNKED = '\r\nTransfer-Encoding: chunked\r\n\r\n';
const bodies = TABLE.filter((one) => one.row >= 15 && one.row <= 19 && textOf(one).includes(CHUNKED))
  .map((one) => [titleOf(one), textOf(one).slice(textOf(one).indexOf(CHUNKED) + CHUNKED.length), Number(one.expect.answers[0]) >= 400] as const);

describe('chunked bodies', () => {
  it.each(bodies)('%s', (_title, text, isRefused) => {
    const bytes = latin1(text);
    const whole = decode([bytes]);
    expect([whole.end, whole.detail === '']).toEqual(isRefused ? ['fault', false] : ['end', true]);
    const facts = isRefused ? { end: 'fault' } : { end: 'end', body: whole.body, trailers: whole.trailers, rest: whole.rest };
    for (const reads of [...(bytes.length < CUT_EVERYWHERE_BELOW_BYTES ? cuts(bytes) : []), singly(bytes)]) expect(decode(reads)).toMatchObject(facts);
  });
});

const responses = TABLE.filter(({ row }) => row >= 46).flatMap((one) => {
  const answer = one.origin.answers?.[0];
  return typeof answer === 'string' ? [[titleOf(one), answer, one.expect.answers.includes(502)] as const] : [];
});

describe('response heads', () => {
  it.each(responses)('%s', (_title, text, isRefused) => {
    const parsed = parseResponse(text, { maxHeadBytes: 65_536, maxTargetBytes: 65_536, maxHeaders: 1_000 });
    if (parsed.met < 0) expect([isRefused, parsed.head.fault, parsed.head.faultDetail]).toEqual([true, 'ERR_UPSTREAM_MALFORMED', expect.stringMatching(/^\S.* .*[^.]$/)]);
    else expect([parsed.met > 0, parsed.head.faultDetail]).toEqual([true, '']);
    if (text.length >= CUT_EVERYWHERE_BELOW_BYTES) return;
    for (const [read] of cuts(latin1(text))) expect(['more', verdict(parsed)]).toContain(verdict(parseResponse(read.toString('latin1'))));
  });
});
