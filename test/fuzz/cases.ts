/** The kinds of cases, and the case of each number: the same seed, kind and number give the same bytes. */
import type { Difference, Input, Message } from './meaning.ts';
import { checkInput } from './checks.ts';
import { differs, fieldsDiffer } from './llhttp-check.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { request, type Meant } from './request-grammar.ts';
import { response } from './response-grammar.ts';
import type { Tally } from './tally.ts';

export const KINDS = ['request-head', 'request-body', 'requests', 'response-head', 'response-body', 'responses'] as const;
export type Kind = (typeof KINDS)[number];

export interface Case {
  input: Input;
  /** What the messages mean, in order, where that is known by construction. */
  meant: readonly Meant[] | undefined;
}

/** One of so many stays as the grammar made it. */
const VALID_ONE_IN = 3;
const MOST_IN_A_ROW = 4;

export function caseOf(kind: Kind, seed: number, number: number): Case {
  const random = new Random(seed + KINDS.indexOf(kind) * 1_000_003, number);
  const made = kind.startsWith('request') ? makeRequests(random, kind) : makeResponses(random, kind);
  if (random.oneIn(VALID_ONE_IN)) return made;
  const other = kind.startsWith('request') ? request(random) : response(random, 'GET');
  // A body is damaged where its framing is: behind the head, mostly.
  const { text } = made.input;
  const bodyAt = kind.endsWith('body') && !random.oneIn(4) ? text.indexOf('\r\n\r\n') + 4 : 0;
  return { input: { ...made.input, text: text.slice(0, bodyAt) + mutate(random, text.slice(bodyAt), other.text) }, meant: undefined };
}

function makeRequests(random: Random, kind: Kind): Case {
  const meant: Meant[] = [];
  for (let left = kind === 'requests' ? random.between(2, MOST_IN_A_ROW) : 1; left > 0; left--) {
    meant.push(oneOfKind(() => request(random), kind === 'request-body'));
    if (!goesOn(meant.at(-1)!)) break;
  }
  return { input: { side: 'request', text: joined(meant), methods: [], checkSeed: random.below(1 << 30) }, meant };
}
function makeResponses(random: Random, kind: Kind): Case {
  const meant: Meant[] = [];
  const methods: string[] = [];
  for (let left = kind === 'responses' ? random.between(2, MOST_IN_A_ROW) : 1; left > 0; left--) {
    const method = random.oneIn(8) && kind !== 'response-body' ? 'HEAD' : 'GET';
    methods.push(method);
    for (let interims = kind === 'responses' ? random.few(2) : 0; interims > 0; interims--) meant.push(response(random, method, true));
    meant.push(oneOfKind(() => response(random, method), kind === 'response-body'));
    if (!goesOn(meant.at(-1)!)) break;
  }
  return { input: { side: 'response', text: joined(meant), methods, checkSeed: random.below(1 << 30) }, meant };
}
/** What comes behind the last message of a connection would be nobody's. */
function goesOn({ message }: Meant): boolean {
  return message !== undefined && message.isComplete && message.keepAlive && !message.upgrade;
}
function joined(meant: readonly Meant[]): string {
  return meant.map(({ text }) => text).join('');
}
/** For the kinds that are about bodies, one with a body: it takes a few tries. */
function oneOfKind(make: () => Meant, needsBody: boolean): Meant {
  let made = make();
  while (needsBody && (made.message === undefined || made.message.body === '')) made = make();
  return made;
}

export function checkCase({ input, meant }: Case, tally: Tally): Difference | undefined {
  return checkInput(input, tally, (messages, code) => (meant ? meaningDiffers(meant, messages, code) : undefined));
}

function meaningDiffers(meant: readonly Meant[], messages: readonly Message[], code: string): Difference | undefined {
  const refused = meant.findIndex(({ refusal }) => refusal !== '');
  const accepted = refused < 0 ? meant.length : refused;
  const refusal = refused < 0 ? '' : meant[refused]!.refusal;
  if (messages.length !== accepted || code !== refusal) return `not what the grammar means: ${messages.length} messages and '${code}', not ${accepted} and '${refusal}'`;
  for (const [index, message] of messages.entries()) {
    const expected = meant[index]!.message!;
    const difference =
      differs('meaning, method', message.method, expected.method) ?? differs('meaning, target', message.target, expected.target) ?? differs('meaning, status', message.status, expected.status) ??
      differs('meaning, body', message.body, expected.body) ?? differs('meaning, end', message.isComplete, expected.isComplete) ?? differs('meaning, keep-alive', message.keepAlive, expected.keepAlive) ??
      differs('meaning, upgrade', message.upgrade, expected.upgrade) ?? fieldsDiffer('meaning, fields', message.fields, expected.fields) ?? fieldsDiffer('meaning, trailers', message.trailers, expected.trailers);
    if (difference) return difference;
  }
  return undefined;
}
