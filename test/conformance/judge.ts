/** Holds what was observed against the table: byte for byte for Steelyard, by its meaning for other proxies. */
import type { Answer, Case, Reached } from './case.ts';
import { readMessage, readMessages, REQUESTS, responsesTo, statusOf, type Message } from './messages.ts';
import type { Observation } from './play.ts';

/** Each difference is a sentence; none = as the table says. */
export function differences(one: Case, seen: Observation): string[] {
  const { answers, connection, reaches, dropsUpstream, client } = one.expect;
  const found: string[] = [];
  if (!isSame(answers, seen.answers)) found.push(`answers ${show(seen.answers)}, not ${show(answers)}`);
  if (connection !== seen.connection) found.push(`connection ${seen.connection}, not ${connection}`);
  const reached = seen.reached.map(({ raw, isComplete, hasEnded }): Reached | object => (isComplete ? raw : hasEnded ? { cut: raw } : { open: raw }));
  if (!isSame(reaches, reached)) found.push(`reached the origin: ${show(reached)}, not ${show(reaches)}`);
  if (client !== undefined && client !== seen.received) found.push(`the client got ${show(seen.received)}, not ${show(client)}`);
  if (dropsUpstream !== undefined && seen.reached.some(({ hasEnded }) => hasEnded !== dropsUpstream)) found.push(`the connection to the backend is ${dropsUpstream ? 'kept' : 'dropped'}`);
  const last = seen.messages.at(-1);
  // RFC 9112 §9.6: who will close says so.
  if (seen.connection === 'closed' && last?.isComplete && !last.fields.some(([name, value]) => name === 'connection' && value === 'close')) found.push('closed without Connection: close');
  if (!seen.isCleanAfter) found.push('the next client does not get its own answer');
  return found;
}

/** The same for a proxy that may write otherwise: other reasons to refuse, field names in small letters, bodies in other framings. */
export function differencesInMeaning(one: Case, seen: Observation): string[] {
  const { answers, connection, reaches, client } = one.expect;
  const found: string[] = [];
  const [wantedVerdicts, seenVerdicts] = [verdicts(answers, connection), verdicts(seen.answers, seen.connection)];
  if (!isSame(wantedVerdicts, seenVerdicts)) found.push(`answers ${show(seen.answers)}, not ${show(answers)}`);
  const isAsked = (answer: Answer): boolean => answers.includes(answer) || (answer === 100 && /^Expect:/m.test(textOf(one)));
  if (seen.answers.some((answer) => isInterim(answer) && !isAsked(answer))) found.push(`an interim answer: ${show(seen.answers)}`);
  if (plainEnd(connection) !== plainEnd(seen.connection)) found.push(`connection ${seen.connection}, not ${connection}`);
  const wanted = reaches.map((each) => (typeof each === 'string' ? meaning(each, true) : meaning(each.cut, false)));
  const reached = seen.reached.map(({ raw, isComplete }) => meaning(raw, isComplete));
  if (!isSame(wanted, reached)) found.push(`reached the origin: ${show(reached)}, not ${show(wanted)}`);
  if (client !== undefined) {
    const [wantedAnswers, seenAnswers] = [finalsOf(readMessages(client, true, responsesTo([textOf(one).split(' ')[0]!]))), finalsOf(seen.messages)];
    if (!isSame(wantedAnswers, seenAnswers)) found.push(`the client got ${show(seenAnswers)}, not ${show(wantedAnswers)}`);
  }
  if (!seen.isCleanAfter) found.push('the next client does not get its own answer');
  return found;
}

/** What the client sends first. */
function textOf({ send: [text] }: Case): string {
  return typeof text === 'string' ? text : '';
}
function isInterim(answer: Answer): boolean {
  return typeof answer === 'number' && answer < 200 && answer !== 101;
}
/** Which of the refusals it is does not matter here; to close without a word is one too. */
function verdicts(answers: readonly Answer[], connection: Observation['connection']): (Answer | 'refused')[] {
  const all = answers.filter((answer) => !isInterim(answer)).map((answer) => (Number(answer) >= 400 ? 'refused' as const : answer));
  return all.length === 0 && plainEnd(connection) === 'closed' ? ['refused'] : all;
}
function plainEnd(connection: Observation['connection']): string {
  return connection === 'reset' ? 'closed' : connection;
}

/** What proxies add, or write in their own way. */
const NOT_COMPARED = new Set(['content-length', 'transfer-encoding', 'expect', 'server', 'date', 'via', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);
const KEEP = new Set(['keep-alive', 'close']);

function meaning(raw: string, isComplete: boolean): object {
  const message = readMessage(raw, 0, true, REQUESTS);
  // What was tunnelled, and heads that broke off.
  if (!message.hasHead || !message.start.includes(' HTTP/1.')) return isComplete ? { bytes: raw } : {};
  // Of a body that broke off, how much got through is a matter of time.
  return { start: message.start.replace(/1\.0$/, '1.1'), fields: plainFields(message), ...(isComplete ? { body: message.body } : {}) };
}
function finalsOf(messages: readonly Message[]): object[] {
  return messages.filter((message) => statusOf(message) >= 200).map((message) => {
    const status = statusOf(message);
    // Answers that the proxy made itself look as they like.
    return status >= 500 ? { status: 'refused' } : { status, fields: plainFields(message), body: message.body, isComplete: message.isComplete };
  });
}
function plainFields(message: Message): string[] {
  return message.fields.filter(([name, value]) => !NOT_COMPARED.has(name) && !(name === 'connection' && KEEP.has(value.toLowerCase())) && !(name === 'keep-alive' && value.startsWith('timeout=') && message.start.startsWith('HTTP/')))
    .map(([name, value]) => `${name}: ${value}`).sort();
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
const SHOWN = 700;
function show(what: unknown): string {
  const text = JSON.stringify(what);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length})` : text;
}
