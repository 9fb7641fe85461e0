/** A plain reader of HTTP/1.1 messages for the two ends of a test: independent of the core's, and strict about where a message ends. */

export interface Message {
  /** All bytes of it that are there. */
  readonly raw: string;
  /** First line, without CRLF. */
  readonly start: string;
  /** Names in small letters. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Without its framing. */
  readonly body: string;
  /** Fields behind the last chunk, as they came. */
  readonly trailers: string;
  /** Its end is there. A response without a length has none before the connection's. */
  readonly isComplete: boolean;
  /** Its head is. */
  readonly hasHead: boolean;
  /** Its bytes are no message, or their framing is broken. */
  readonly isGarbage: boolean;
}

export type Bodies = (start: string, fields: Message['fields']) => 'none' | 'framed' | 'until close';

/** Of a response; NaN where there is none. */
export function statusOf(message: Message): number {
  return Number.parseInt(message.start.slice(9, 12), 10);
}

/** The message that begins at `at`. */
export function readMessage(text: string, at: number, isEnded: boolean, bodies: Bodies): Message {
  const headEnd = text.indexOf('\r\n\r\n', at);
  if (headEnd < 0) return { raw: text.slice(at), start: '', fields: [], body: '', trailers: '', isComplete: false, hasHead: false, isGarbage: false };
  const [start = '', ...lines] = text.slice(at, headEnd).split('\r\n');
  const fields = lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]);
  const known = { start, fields, hasHead: true };
  const bodyAt = headEnd + 4;
  const value = (name: string): string | undefined => fields.find(([each]) => each === name)?.[1];
  const kind = bodies(start, fields);
  if (kind === 'none') return { ...known, raw: text.slice(at, bodyAt), body: '', trailers: '', isComplete: true, isGarbage: false };
  if (value('transfer-encoding') !== undefined) {
    const { body, trailers, end, isGarbage } = readChunks(text, bodyAt);
    return { ...known, raw: text.slice(at, end), body, trailers, isComplete: end !== undefined && !isGarbage, isGarbage };
  }
  const length = value('content-length');
  if (length === undefined && kind === 'until close') return { ...known, raw: text.slice(at), body: text.slice(bodyAt), trailers: '', isComplete: isEnded, isGarbage: false };
  const end = bodyAt + Number(length ?? 0);
  return { ...known, raw: text.slice(at, end), body: text.slice(bodyAt, end), trailers: '', isComplete: text.length >= end, isGarbage: length !== undefined && !/^\d+$/.test(length) };
}

/** @returns `end` undefined = more is to come. */
function readChunks(text: string, from: number): { body: string; trailers: string; end: number | undefined; isGarbage: boolean } {
  let at = from;
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { body, trailers: '', end: undefined, isGarbage: false };
    const size = /^[0-9a-f]+$/i.test(text.slice(at, lineEnd)) ? Number.parseInt(text.slice(at, lineEnd), 16) : -1;
    if (size < 0) return { body, trailers: '', end: undefined, isGarbage: true };
    at = lineEnd + 2;
    if (size === 0) break;
    body += text.slice(at, at + size);
    if (text.length < at + size + 2) return { body, trailers: '', end: undefined, isGarbage: false };
    if (text.slice(at + size, at + size + 2) !== '\r\n') return { body, trailers: '', end: undefined, isGarbage: true };
    at += size + 2;
  }
  if (text.startsWith('\r\n', at)) return { body, trailers: '', end: at + 2, isGarbage: false };
  const end = text.indexOf('\r\n\r\n', at);
  return end < 0 ? { body, trailers: '', end: undefined, isGarbage: false } : { body, trailers: text.slice(at, end + 2), end: end + 4, isGarbage: false };
}

export const REQUESTS: Bodies = () => 'framed';

/** @param methods of the requests that are answered, in order; only HEAD matters */
export function responsesTo(methods: readonly string[]): Bodies {
  let finals = 0;
  return (start) => {
    const status = Number(start.slice(9, 12));
    if (status < 200) return 'none';
    const method = methods[finals++];
    return method === 'HEAD' || status === 204 || status === 304 ? 'none' : 'until close';
  };
}

/** All messages in the text, the last one perhaps not complete. */
export function readMessages(text: string, isEnded: boolean, bodies: Bodies): Message[] {
  const all: Message[] = [];
  for (let at = 0; at < text.length; ) {
    const message = readMessage(text, at, isEnded, bodies);
    all.push(message);
    if (!message.isComplete) break;
    at += message.raw.length;
    // Behind a protocol switch nothing is HTTP any more.
    if (message.start.startsWith('HTTP/1.1 101')) {
      if (at < text.length) all.push({ ...message, raw: text.slice(at), start: '', fields: [], body: text.slice(at) });
      break;
    }
  }
  return all;
}
