/** Plays one http schedule and says what was wrong. */
import type { HttpSchedule, Step } from './schedule.ts';
import { leave } from './leave.ts';
import { ScriptedClient } from './scripted-client.ts';
import type { Place, Stage } from './stage.ts';
import { comesTrue, Happenings, quiet } from './turns.ts';
import { judge } from './verdict.ts';
import { bodyOf, type RequestPlan } from './messages.ts';
import net from 'node:net';

/** @param name unique in the run: it is part of each request's path. */
export async function playHttp(stage: Stage, place: Place, schedule: HttpSchedule, name: string): Promise<string[]> {
  const violations: string[] = [];
  const happenings = new Happenings();
  const witness = { happenings, violated: (detail: string): void => void violations.push(detail) };
  const { origin } = place;
  const plans = new Map<string, RequestPlan>(schedule.clients.flatMap((requests, c) => requests.map((plan, i) => [`${name}c${c}-${i}`, plan] as const)));
  origin.begin({ ...witness, planOf: (id) => plans.get(id) });
  const port = stage.port(schedule.halfClose);
  const clients = schedule.clients.map((requests, c) => new ScriptedClient(port, place.host, `${name}c${c}`, requests, witness));
  const reloads: Promise<void>[] = [];
  const step = async (one: Step): Promise<void> => {
    if (one.do === 'settle') return quiet(happenings);
    if (one.do === 'poison') {
      // Only where it is surely idle: a request that meets such bytes on its way takes them for its answer, and nobody could know better.
      await quiet(happenings);
      origin.poison();
      return quiet(happenings);
    }
    if (one.do === 'reload') {
      place.drains = one.drains;
      const reload = stage.reload();
      reloads.push(reload);
      if (one.waits) await reload;
      return;
    }
    act(one, clients, place);
  };
  for (const one of schedule.steps) await step(one);

  if (schedule.finishes && !(await finish(clients, place, happenings))) {
    const state = clients.map((client) => `${client.answers.length} answers for ${client.begun} requests, the last ${JSON.stringify(client.answers.at(-1)?.message.startLine)} with ${client.answers.at(-1)?.message.bodyBytes} bytes, ${client.isOver ? 'closed' : 'open'}`).join('; ');
    violations.push(`it hangs: ${state}; at the origin ${origin.connections.map((one) => one.isGone ? 'gone' : one.current ? `at ${one.current.tag}` : 'idle').join(', ')}`);
  }
  await quiet(happenings);
  await Promise.all(reloads);
  violations.push(...judge(schedule, clients, place));
  // A FIN says to `serve` that the client still waits; and behind more pipelined bytes than are read ahead it is not seen.
  const isUnclear = (client: ScriptedClient): boolean => schedule.halfClose === 'serve' || client.begun > client.answered + 1;
  const stillWaits = clients.some((client) => client.hasLeft && isUnclear(client));
  for (const client of clients) leave(client.socket, isUnclear(client) ? 'reset' : 'destroy');
  origin.reads(true);
  // What nobody waits for any more is cancelled: a backend connection is closed, or carries nothing.
  const isCancelled = (): boolean => origin.connections.every((one) => one.isGone || one.left !== undefined || !one.isBusy);
  if (!stillWaits && !(await comesTrue(isCancelled))) violations.push(`a request goes on at the origin though its client is gone: ${origin.connections.map((one) => one.current?.tag ?? '').join(' ')}`);
  if (place.drains) {
    place.drains = false;
    await stage.reload();
  }
  await probe(stage, place, happenings, violations);
  for (const { socket } of origin.connections) socket.destroy();
  await quiet(happenings);
  for (const client of clients) judgeEnds(stage, client, place, !stillWaits && !origin.hasFailed, violations);
  return violations;
}

function act(step: Step, clients: readonly ScriptedClient[], { origin }: Place): void {
  switch (step.do) {
    case 'send': return clients[step.client]?.send(step.upTo);
    case 'client ends': return clients[step.client]?.leave(step.how);
    case 'client reads': return void (step.on ? clients[step.client]?.socket.resume() : clients[step.client]?.socket.pause());
    case 'client arms': return clients[step.client]?.arm(step.at, step.what);
    case 'reply': return origin.busy?.reply(step.upTo);
    case 'origin ends': return origin.ends(step.which, step.how);
    case 'origin reads': return origin.reads(step.on);
    case 'origin arms': return origin.arm(step.at, step.what);
    default: throw new Error(`no act: ${step.do}`);
  }
}

/** Everybody does what is left to do. False: it hangs. */
async function finish(clients: readonly ScriptedClient[], { origin }: Place, happenings: Happenings): Promise<boolean> {
  for (const client of clients) {
    client.disarm();
    client.socket.resume();
    client.send('all');
  }
  origin.becomeWilling();
  const isDone = await comesTrue(() => {
    for (const client of clients) client.endTunnel();
    return clients.every((client) => client.isOver || client.isAnswered);
  });
  await quiet(happenings);
  return isDone;
}

/** Connections that wait for their next use must be clean: as many requests at once as there are of them get their own answers. */
async function probe(stage: Stage, { host, origin }: Place, happenings: Happenings, violations: string[]): Promise<void> {
  origin.becomeWilling();
  const idle = origin.connections.filter((one) => !one.isGone && !one.isBusy && one.left === undefined).length;
  const sockets = Array.from({ length: Math.min(idle, 4) }, (_, i) => {
    const socket = net.connect({ port: stage.port('abort'), host: '127.0.0.1' });
    const probed = { socket, text: '', id: `probe${i}` };
    socket.on('data', (bytes) => (probed.text += bytes.toString('latin1'))).on('error', () => {});
    socket.write(`GET /${probed.id} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return probed;
  });
  const isWhole = ({ text, id }: { text: string; id: string }): boolean => {
    const tag = /\r\nX-Tag: (\S+)\r\n/.exec(text)?.[1] ?? '';
    return text.startsWith('HTTP/1.1 200 ') && tag.startsWith(`${id}.`) && text.endsWith(`\r\n\r\n${bodyOf(tag, 40).toString()}`);
  };
  if (!(await comesTrue(() => sockets.every(isWhole)))) {
    for (const one of sockets) if (!isWhole(one)) violations.push(`a clean request on a connection that was kept got: ${JSON.stringify(one.text.slice(0, 300))}`);
  }
  for (const { socket } of sockets) socket.destroy();
  await quiet(happenings);
}

/** An exchange ends once; one whose client left before a byte of its answer is aborted by it. @param isClear nothing else can have ended it */
function judgeEnds(stage: Stage, client: ScriptedClient, { origin }: Place, isClear: boolean, violations: string[]): void {
  for (const [index, id] of client.ids.entries()) {
    const ended = stage.ended.get(id) ?? [];
    stage.ended.delete(id);
    if (ended.length > 1) violations.push(`${id} ended ${ended.length} times`);
    const deliveries = origin.deliveries.filter((one) => one.id === id);
    if (ended.length === 0 && (client.answers[index] || deliveries.length > 0)) violations.push(`${id} never ended`);
    // A broken one was answered by us perhaps, and a client that does not read has not seen it.
    const isUnanswered = deliveries.length > 0 && deliveries.every(({ at, plan }) => at === 0 && plan.broken === '') && client.answers[index] === undefined;
    const { result, outcomes } = ended[0] ?? {};
    if (!isClear || !isUnanswered || !result) continue;
    if (result.abortedBy !== 'client' || outcomes!.at(-1) !== 'aborted by client') violations.push(`${id} was left by its client, and ended as ${result.abortedBy ?? 'in order'}, ${outcomes!.join(', ')}`);
  }
}
