/**
 * A log line that would be longer than a pipe takes in one piece is cut: several threads write to the same pipe, and longer ones would mix up.
 * Fields are shortened, never bytes, so that a JSON line stays one; `cutFromBytes` says how long it was.
 */

/** POSIX PIPE_BUF on Linux, the line feed included. Bytes. */
export const MAX_LINE_BYTES = 4096;

/** Characters left of each string of a line that is too long; halved until it fits. */
const FIRST_CUT = 1024;
const LAST_CUT = 16;
/** A list or an object may keep one entry for so many characters that a string may keep. */
const CHARACTERS_PER_ENTRY = 8;
const MAX_DEPTH = 6;
const MARK = '[cut]';

/** What every line has, and what finds it again: kept where nothing else can be. */
const ESSENTIAL = ['level', 'time', 'name', 'worker', 'code', 'msg'];
/** An ISO time has 24 characters. Nobody's field of that name may be endless either. */
const MAX_ESSENTIAL_CHARACTERS = 64;

/** @param line one JSON object with its line feed. Unchanged where it fits. */
export function fitJsonLine(line: string): string {
  if (isShort(line)) return line;
  const was = Buffer.byteLength(line);
  if (was <= MAX_LINE_BYTES) return line;
  const fields = parseFields(line);
  for (let most = FIRST_CUT; most >= LAST_CUT; most /= 2) {
    const fitted = lineOf(shortenFields(fields, most), was);
    if (Buffer.byteLength(fitted) <= MAX_LINE_BYTES) return fitted;
  }
  const essential = Object.entries(fields).filter(([key]) => ESSENTIAL.includes(key));
  return lineOf(shortenFields(Object.fromEntries(essential), LAST_CUT), was);
}

/** @param text of a terminal, of one line or more, with colours; ends with a line feed. Unchanged where it fits. */
export function fitText(text: string): string {
  if (isShort(text)) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_LINE_BYTES) return text;
  const end = `${text.includes('\u001b') ? '\u001b[0m' : ''} ${MARK} of ${bytes.length} bytes\n`;
  let length = MAX_LINE_BYTES - end.length;
  // Bytes that go on with a character begin with the bits 10.
  while ((bytes[length]! & 0xc0) === 0x80) length--;
  // A colour that was cut would colour what follows, or show as letters.
  return bytes.toString('utf8', 0, length).replace(/\u001b(\[[\d;]*)?$/, '') + end;
}

/** A character of UTF-16 has three bytes at most in UTF-8: most lines are not measured. */
function isShort(line: string): boolean {
  return line.length <= MAX_LINE_BYTES / 3;
}

function lineOf(fields: object, cutFromBytes: number): string {
  return `${JSON.stringify({ ...fields, cutFromBytes })}\n`;
}

function parseFields(line: string): Record<string, unknown> {
  try {
    const fields: unknown = JSON.parse(line);
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields as Record<string, unknown>;
  } catch {
    // A serializer of somebody's wrote what is no JSON: it is text then.
  }
  return { msg: line };
}

function shortenFields(fields: Record<string, unknown>, most: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [cut(key, most), shorten(value, ESSENTIAL.includes(key) ? Math.max(most, MAX_ESSENTIAL_CHARACTERS) : most, MAX_DEPTH)]),
  );
}

function shorten(value: unknown, most: number, depth: number): unknown {
  if (typeof value === 'string') return cut(value, most);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return MARK;
  const mostEntries = most / CHARACTERS_PER_ENTRY;
  if (Array.isArray(value)) {
    const kept: unknown[] = value.slice(0, mostEntries).map((item) => shorten(item, most, depth - 1));
    return value.length > mostEntries ? [...kept, MARK] : kept;
  }
  const entries = Object.entries(value);
  const kept = entries.slice(0, mostEntries).map(([key, item]) => [cut(key, most), shorten(item, most, depth - 1)] as const);
  return Object.fromEntries(entries.length > mostEntries ? [...kept, [MARK, true] as const] : kept);
}

/** Never between the halves of a character. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const isHalf = (text.charCodeAt(most - 1) & 0xfc00) === 0xd800;
  return text.slice(0, isHalf ? most - 1 : most) + MARK;
}
