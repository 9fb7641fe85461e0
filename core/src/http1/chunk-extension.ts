/**
 * The grammar of chunk extensions (RFC 9112 §7.1.1), byte by byte: `;name`, `;name=token`, `;name="quoted"`. Nobody wants what they say,
 * but a line whose end two readers see at different places smuggles (CVE-2025-55315): so what is no extension is refused. White space
 * around `;` and `=` is for recipients to bear, never to be sent (RFC 9110 §5.6.3); as behind the size, none is taken.
 */
import { CR, TOKEN, VALUE } from './grammar.ts';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** States; each names what was read. */
export const EXTENSION_MARK = 0;
const NAME = 1;
const EQUALS_SIGN = 2;
const TOKEN_VALUE = 3;
const QUOTED = 4;
const ESCAPE = 5;
const CLOSED_QUOTE = 6;
/** The line is at its CR. */
export const EXTENSION_END = 7;
export const EXTENSION_FAULT = 8;

export function nextExtensionState(state: number, byte: number): number {
  switch (state) {
    case EXTENSION_MARK:
      return TOKEN[byte] !== 0 ? NAME : EXTENSION_FAULT;
    case NAME:
      return byte === EQUALS ? EQUALS_SIGN : TOKEN[byte] !== 0 ? NAME : endOfOne(byte);
    case EQUALS_SIGN:
      return byte === QUOTE ? QUOTED : TOKEN[byte] !== 0 ? TOKEN_VALUE : EXTENSION_FAULT;
    case TOKEN_VALUE:
      return TOKEN[byte] !== 0 ? TOKEN_VALUE : endOfOne(byte);
    case QUOTED:
      if (byte === QUOTE) return CLOSED_QUOTE;
      if (byte === BACKSLASH) return ESCAPE;
      return VALUE[byte] !== 0 ? QUOTED : EXTENSION_FAULT;
    case ESCAPE:
      return VALUE[byte] !== 0 ? QUOTED : EXTENSION_FAULT;
    case CLOSED_QUOTE:
      return endOfOne(byte);
    default:
      return EXTENSION_FAULT;
  }
}

function endOfOne(byte: number): number {
  if (byte === SEMICOLON) return EXTENSION_MARK;
  return byte === CR ? EXTENSION_END : EXTENSION_FAULT;
}
