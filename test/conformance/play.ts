/**
 * Plays one case over real sockets. Nothing waits for time: a proxy has done all that it will do when it has answered so many ticks,
 * small requests on a connection beside, while nothing else came. A tick goes once around its event loop and ours.
 */
import { ORIGIN, type Answer, type Case } from './case.ts';
import { Client } from './client.ts';
import { statusOf, type Message } from './messages.ts';
import { MARKER, type Recorded, type RecordingOrigin } from './origin.ts';

/** A way through a proxy, with an origin of its own: what that records is the case's. */
export interface Lane {
  readonly port: number;
  readonly origin: RecordingOrigin;
  readonly tick: () => Promise<void>;
}

export interface Observation {
  readonly answers: readonly Answer[];
  /** `open`: neither closed nor does it answer another request. */
  readonly connection: 'kept' | 'closed' | 'reset' | 'tunnel' | 'open';
  readonly reached: readonly Recorded[];
  /** All bytes of the case itself. */
  readonly received: string;
  readonly messages: readonly Message[];
  /** The next client of the same lane gets its own answer. */
  readonly isCleanAfter: boolean;
}

/** Events of a proxy take several turns: accept, read, connect, write, and the same way back. */
const QUIET_TICKS = 12;
const TURNS_BETWEEN_WRITES = 2;
/** Where the case is not done, it may be that a busy machine is late. */
const PATIENT_TICKS = 150;

let markers = 0;

export async function play({ port, origin, tick }: Lane, one: Case): Promise<Observation> {
  const ticks = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await tick();
  };
  origin.begin(one.origin);
  await ticks(TURNS_BETWEEN_WRITES);
  const client = await Client.connect(port);
  const untilQuiet = async (isDone: () => boolean): Promise<void> => {
    let quiet = 0;
    for (let seen = -1; quiet < (isDone() ? QUIET_TICKS : PATIENT_TICKS); quiet++) {
      const events = client.events + origin.events;
      if (events !== seen) quiet = 0;
      seen = events;
      await tick();
    }
  };
  const finals = (): number => client.messages.filter((message) => message.isComplete && statusOf(message) >= 200).length;

  for (const step of one.send) {
    if (typeof step === 'string') {
      client.send(step);
      await ticks(TURNS_BETWEEN_WRITES);
    } else if ('until' in step) {
      for (let turn = 0; turn < PATIENT_TICKS && client.end === '' && !client.hasStatus(step.until); turn++) await tick();
    } else {
      await ticks(TURNS_BETWEEN_WRITES);
      client.finish(step.end);
    }
  }
  const isFinished = one.send.some((step) => typeof step === 'object' && 'end' in step);
  const wanted = one.expect.answers.filter((answer) => answer !== 101 && Number.parseInt(String(answer), 10) >= 200).length;
  const closes = one.expect.connection === 'closed' || one.expect.connection === 'reset';
  await untilQuiet(() => (closes ? client.end !== '' : finals() >= wanted) && origin.recorded.length >= one.expect.reaches.length);

  const received = client.received;
  const messages = client.messages;
  let connection: Observation['connection'] = client.end === '' ? 'open' : client.end;
  if (messages.some((message) => statusOf(message) === 101)) connection = 'tunnel';
  if (connection === 'open' && !isFinished) connection = await asksAgain(client, tick);
  if (isFinished && connection === 'open') connection = 'kept';
  client.destroy();
  await untilQuiet(() => origin.recorded.every(({ isComplete, hasEnded }) => isComplete || hasEnded));
  const reached = origin.recorded.map((each) => ({ ...each, raw: each.raw.replaceAll(`127.0.0.1:${origin.port}`, ORIGIN) }));
  const isCleanAfter = await isClean(port, tick);
  return { answers: messages.filter((message) => message.start !== '' || !message.isComplete).map(answerOf), connection, reached, received, messages, isCleanAfter };
}

function answerOf(message: Message): Answer {
  const status = statusOf(message);
  return message.isComplete ? status : `${status} cut`;
}

/** Another request on the same connection: its own answer, and that alone, must come. */
async function asksAgain(client: Client, tick: () => Promise<void>): Promise<'kept' | 'closed' | 'reset' | 'open'> {
  const target = `${MARKER}${++markers}`;
  const before = client.messages.length;
  client.send(`GET ${target} HTTP/1.1\r\nHost: marker\r\n\r\n`);
  for (let turn = 0; turn < PATIENT_TICKS; turn++) {
    const { messages } = client;
    const answer = messages[before];
    if (answer?.isComplete) return answer.body === target && messages.length === before + 1 ? 'kept' : 'open';
    if (client.end !== '') return client.end;
    await tick();
  }
  return 'open';
}

async function isClean(port: number, tick: () => Promise<void>): Promise<boolean> {
  const client = await Client.connect(port);
  const result = await asksAgain(client, tick);
  client.destroy();
  return result === 'kept';
}
