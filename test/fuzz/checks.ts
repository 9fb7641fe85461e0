/** All that holds for any bytes of either side: one call a case. */
import { checkForwarded } from './forwarded.ts';
import { checkAccepted, checkRefused } from './llhttp-check.ts';
import { type Difference, type Input, type Message, latin1 } from './meaning.ts';
import { checkPath } from './path-check.ts';
import { Random } from './random.ts';
import { Reader } from './reader.ts';
import { MessageSink } from './sinks.ts';
import { checkSplits } from './splits.ts';
import type { Tally } from './tally.ts';

const reader = new Reader();
const sink = new MessageSink();

/** @param judge what else is known of what was read; `code` is '' unless there was a fault. */
export function checkInput(input: Input, tally: Tally, judge: (messages: readonly Message[], code: string) => Difference | undefined = () => undefined): Difference | undefined {
  try {
    return check(input, tally, judge);
  } catch (error) {
    return `thrown: ${error instanceof Error ? error.stack : String(error)}`;
  }
}

function check(input: Input, tally: Tally, judge: (messages: readonly Message[], code: string) => Difference | undefined): Difference | undefined {
  const bytes = latin1(input.text);
  const random = new Random(input.checkSeed);
  sink.begin(input.side);
  reader.read(input, bytes, [], sink);
  const { messages, spans } = sink;
  const { ending, code, detail, method } = reader;
  count(tally, messages, ending);
  if (!bytes.equals(latin1(input.text))) return 'the bytes were changed: parsers only look';

  let difference = judge(messages, code);
  for (let i = 0; i < messages.length && !difference; i++) {
    const message = messages[i]!;
    const span = spans[i]!;
    if ((difference = checkPath(message.target))) break;
    if (message.isComplete) difference = checkAccepted(input.side, message, span, bytes, tally);
    else if (ending === 'more') difference = checkAccepted(input.side, message, { ...span, end: bytes.length }, bytes, tally);
    // The body is broken somewhere: what can be compared is the head.
    else difference = checkAccepted(input.side, { ...message, body: '' }, { ...span, end: span.headEnd }, bytes, tally);
  }
  if (!difference && ending === 'fault') {
    const last = messages.length - 1;
    const from = last < 0 ? 0 : messages[last]!.isComplete ? spans[last]!.end : spans[last]!.start;
    difference = checkRefused(input, detail, method, bytes.subarray(from), tally);
    if (!difference) tally.count(`fault: ${detail.replaceAll(/[0-9]+/g, 'N')}`);
  }
  return difference ?? checkForwarded(input, bytes, messages, spans.map((span) => span.method), random, tally) ?? checkSplits(input, bytes, random, tally);
}

function count(tally: Tally, messages: readonly Message[], ending: string): void {
  tally.count(`ended: ${ending}`);
  tally.count('heads accepted', messages.length);
  for (const { body, isComplete } of messages) {
    if (body === '') continue;
    tally.count('bodies read');
    if (!isComplete) tally.count('bodies cut short');
  }
}
