/** What messages mean, whoever says so: the generator by construction, our parsers, llhttp. */

export type Side = 'request' | 'response';
export type Field = [name: string, value: string];

export interface Message {
  /** '' for responses. */
  method: string;
  /** Path and query; what stands before them in an absolute-form target is left out. '' for responses. */
  target: string;
  /** 0 for requests. */
  status: number;
  version: string;
  /** All that came, in order. */
  fields: Field[];
  body: string;
  trailers: Field[];
  /** False: the bytes ended, or became wrong, within the body. */
  isComplete: boolean;
  keepAlive: boolean;
  /** The connection changes its protocol behind this message. */
  upgrade: boolean;
}

/** The options of all Connection fields, in small letters. */
export function connectionOptions(fields: readonly Field[]): string[] {
  return fields.filter(([name]) => /^connection$/i.test(name)).flatMap(([, value]) => value.toLowerCase().split(/[ \t]*,[ \t]*/)).filter((option) => option !== '');
}
/** RFC 9110 §7.6.1: Connection may name trailers too. Where it names any field that is not known, none goes on. */
export function mayNameTrailers(fields: readonly Field[]): boolean {
  return connectionOptions(fields).some((option) => !/^(close|keep-alive|upgrade|te)$/.test(option));
}

/** Why nothing further was read: more bytes are needed, a fault, or the last message ends the connection or its protocol. */
export type Ending = 'more' | 'fault' | 'last';

/** What a fuzzed case is: bytes of one side of a connection, and what they answer to. */
export interface Input {
  side: Side;
  /** One character a byte. */
  text: string;
  /** Of the requests that a sequence of responses answers, in order; GET where there is none. */
  methods: readonly string[];
  /** Seeds what is left to chance in the checks: cuts, and how the head is written again. */
  checkSeed: number;
}

/** A rule that was broken, in one sentence, with its name before the first colon: shrinking keeps the name. */
export type Difference = string;

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}
/** Readable, on one line, and a string of JSON. */
export function escaped(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
/** @throws a sentence for the user */
export function unescaped(literal: string): string {
  let text: unknown;
  try {
    text = JSON.parse(literal);
  } catch {
    // The sentence below says it.
  }
  if (typeof text !== 'string' || /[^\0-\xff]/.test(text)) throw new Error(`not a JSON string of bytes: ${literal}`);
  return text;
}
