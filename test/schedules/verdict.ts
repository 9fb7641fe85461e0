/** What must be true of a schedule when it was played: of every request, of every answer, of every delivery. */
import { endsByClose, type RequestPlan } from './messages.ts';
import type { HttpSchedule } from './schedule.ts';
import type { ScriptedClient } from './scripted-client.ts';
import type { Delivery } from './scripted-origin.ts';
import type { Place } from './stage.ts';

/** `RetryConfig`: `retryBufferBytes`; and of the default 3 attempts on 2 backends each may meet a connection that was closed meanwhile. */
const HELD_BYTES = 16_384;
const MOST_DELIVERIES = 4;

export function judge(schedule: HttpSchedule, clients: readonly ScriptedClient[], place: Place): string[] {
  const violations: string[] = [];
  const { deliveries } = place.origin;
  for (const [c, client] of clients.entries()) {
    for (const [i, plan] of schedule.clients[c]!.entries()) {
      const ofThis = deliveries.filter(({ id }) => id === client.ids[i]);
      judgeDeliveries(plan, client, i, ofThis, violations);
      judgeAnswer(plan, client, i, ofThis, place, violations);
    }
    if (schedule.finishes) judgeSilence(schedule.clients[c]!, client, place, violations);
  }
  return violations;
}

/** Nothing is delivered twice that must not be, and nothing is whole at an origin that the client did not send. */
function judgeDeliveries(plan: RequestPlan, client: ScriptedClient, index: number, deliveries: readonly Delivery[], violations: string[]): void {
  const id = client.ids[index]!;
  const { isWhole, hasHead } = client.sent(index);
  if (deliveries.length > 0 && !hasHead) violations.push(`${id} reached an origin though its head was not sent`);
  if (plan.broken === 'head' && deliveries.length > 0) violations.push(`${id} is no HTTP and reached an origin`);
  if (deliveries.some(({ message }) => message.framing.kind !== 'none' && message.framing.kind !== 'tunnel' && message.isComplete) && (!isWhole || plan.broken !== '')) {
    violations.push(`${id} is whole at an origin, and its client did not send it whole`);
  }
  if (deliveries.length > 1 && plan.method === 'POST') violations.push(`${id}, a POST, was delivered ${deliveries.length} times`);
  if (deliveries.length > 1 && deliveries.slice(0, -1).some(({ message }) => message.bodyBytes > HELD_BYTES)) violations.push(`${id} was delivered again, though more than is held had been sent`);
  if (deliveries.length > MOST_DELIVERIES) violations.push(`${id} was delivered ${deliveries.length} times`);
  for (const delivery of deliveries.slice(0, -1)) if (delivery.at > 0 && !delivery.isReplied && delivery.connection.left === undefined) violations.push(`${id} was delivered again while ${delivery.tag} was being answered`);
}

/** One final answer for each request, in order (the client has looked at that), and a whole one only where the origin gave a whole one. */
function judgeAnswer(plan: RequestPlan, client: ScriptedClient, index: number, deliveries: readonly Delivery[], { origin }: Place, violations: string[]): void {
  const answer = client.answers[index];
  if (!answer) return;
  const id = client.ids[index]!;
  if (answer.tag !== '') {
    const delivery = deliveries.find(({ tag }) => tag === answer.tag);
    if (!delivery) return void violations.push(`${id} was answered with ${answer.tag}, which no origin said`);
    const endsItself = answer.status !== 101 && endsByClose(plan) && delivery.connection.left !== 'reset';
    if (answer.message.isComplete && answer.status !== 101 && !delivery.isReplied && !(endsItself && delivery.connection.left !== undefined)) {
      violations.push(`${id}: the client was given ${answer.tag} as whole, and the origin sent ${delivery.at} of ${delivery.reply.bytes.length} bytes`);
    }
    return;
  }
  const isRefusal = answer.status === 400 && plan.broken !== '';
  const isReplayable = plan.method !== 'POST' && plan.bodyBytes <= HELD_BYTES;
  const isFailure = answer.status === 502 && (origin.hasFailed || (origin.hasEndedIdle && !isReplayable));
  if (!isRefusal && !isFailure) violations.push(`${id} got a ${answer.status} of the balancer, without a reason`);
}

/** A client that reads and stays gets all its answers, unless something happened that ends its connection. */
function judgeSilence(plans: readonly RequestPlan[], client: ScriptedClient, { origin }: Place, violations: string[]): void {
  if (client.hasLeft || client.isAnswered || origin.hasFailed) return;
  const last = client.answers.at(-1);
  const at = client.answers.length - 1;
  const overtook = origin.deliveries.some(({ id, isEarly }) => isEarly && client.ids.includes(id));
  const endsThere = last !== undefined && last.message.isComplete && (endsConnection(plans[at]!) || last.tag === '' || overtook);
  if (endsThere || (overtook && client.errorCode !== '')) return;
  violations.push(`${client.ids[at + 1] ?? client.ids[at]} got no whole answer, and nothing had happened to it: ${client.answers.length} answers, ${client.errorCode || 'FIN'}`);
}

/** The request says so, or is no HTTP, or its answer can be ended in no other way. */
function endsConnection({ isLast, broken, version, method, reply }: RequestPlan): boolean {
  const isUnframed = version === '1.0' && method !== 'HEAD' && reply.status !== 204 && reply.status !== 304 && reply.framing !== 'length';
  return isLast || broken !== '' || isUnframed;
}
