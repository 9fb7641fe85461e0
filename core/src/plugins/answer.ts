/** Whether what a plugin wants to answer can be sent. Only taps that answer pay for it. */
import { types } from 'node:util';
import type { Answer } from '@steelyard/sdk';
import { TOKEN, VALUE } from '../http1/grammar.ts';

/** Fields that frame a message or end at the next hop (RFC 9110 §7.6.1): the core writes them, nobody else. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade']);

/** What is wrong with it as a sentence's end, or '' when it can be sent. */
export function faultOfAnswer(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null || isThenable(answer)) return `respond is ${nameOf(answer)}; expected { status, headers?, body? }`;
  const { status, headers, body } = answer as Partial<Answer>;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) return `status is ${nameOf(status)}; allowed is 200 to 599`;
  if (body !== undefined && typeof body !== 'string' && !types.isUint8Array(body)) return `body is ${nameOf(body)}; allowed is a string or a Uint8Array`;
  if (headers === undefined) return '';
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return `headers is ${nameOf(headers)}; expected an object { name: value }`;
  for (const [name, value] of Object.entries(headers)) {
    if (name === '' || !isMadeOf(TOKEN, name)) return `header name ${JSON.stringify(name)} is no token (RFC 9110 §5.6.2)`;
    if (FRAMING.has(name.toLowerCase())) return `header ${name} is framing, which only the core writes`;
    for (const line of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof line !== 'string') return `header ${name} is ${nameOf(line)}; allowed is a string or a list of them`;
      if (!isMadeOf(VALUE, line)) return `header ${name} holds a control character (RFC 9110 §5.5)`;
    }
  }
  return '';
}

/**
 * Each property read once: what was checked is what is sent, also where getters answer differently the second time. Bytes are copied here,
 * where a fault is the plugin's: an object that only looks like a Uint8Array would throw where it is sent, and one may be changed until then.
 */
export function copyOfAnswer(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || isThenable(answer)) return answer;
  const { status, headers, body } = answer as Partial<Answer>;
  return { status, headers: copyOfHeaders(headers), body: types.isUint8Array(body) ? Buffer.from(body) : body };
}

function copyOfHeaders(headers: unknown): unknown {
  // A Map, a list or a Headers has no entries of its own that are fields: it is refused as it is.
  if (typeof headers !== 'object' || headers === null || Symbol.iterator in headers) return headers;
  return Object.fromEntries(Object.entries(headers).map(([name, value]: [string, unknown]) => [name, Array.isArray(value) ? [...(value as unknown[])] : value]));
}

function isMadeOf(allowed: Uint8Array, text: string): boolean {
  // By characters, as the head is written (Latin-1): one above U+00FF would lose its upper bits, and U+010D would become a CR.
  for (let i = 0; i < text.length; i++) {
    if (allowed[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}

/** What a value is, for a sentence: `"abc"`, `7`, `a promise`, `an object`. */
export function nameOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (isThenable(value)) return 'a promise';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return ((typeof value === 'object' && value !== null) || typeof value === 'function') && 'then' in value && typeof value.then === 'function';
}
