/** Plays one tcp schedule: bytes exact both ways, a FIN passed on as a FIN, a reset as a reset. */
import net from 'node:net';
import { leave } from './leave.ts';
import { bodyOf } from './messages.ts';
import type { Ending, TcpSchedule, TcpSide, TcpStep } from './schedule.ts';
import type { Place, Stage } from './stage.ts';
import { comesTrue, Happenings, quiet } from './turns.ts';

/** As much as one read can bring. */
const READ_BYTES = 65_536;

/** One end of the connection. */
class End {
  sent = 0;
  received = 0;
  hasEnded = false;
  isClosed = false;
  errorCode = '';
  said: Ending | undefined;
  /** It had said FIN before it was reset or closed. */
  saidEnd = false;
  fault = '';
  readonly socket: net.Socket;
  readonly #tag: string;
  readonly #others: Buffer;
  readonly #period: number;

  constructor(socket: net.Socket, tag: string, otherTag: string, happenings: Happenings) {
    this.socket = socket;
    this.#period = tag.length + 1;
    this.#tag = tag;
    this.#others = bodyOf(otherTag, READ_BYTES + this.#period);
    socket.on('data', (bytes: Buffer) => {
      happenings.count++;
      const at = this.received % this.#period;
      if (!bytes.equals(this.#others.subarray(at, at + bytes.length))) this.fault ||= `bytes ${this.received} to ${this.received + bytes.length} are not what was sent`;
      this.received += bytes.length;
    });
    socket.on('end', () => {
      happenings.count++;
      this.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => (this.errorCode = error.code ?? error.message));
    socket.on('close', () => {
      happenings.count++;
      this.isClosed = true;
    });
  }

  send(size: number): void {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    const at = this.sent % this.#period;
    this.socket.write(bodyOf(this.#tag, at + size).subarray(at));
    this.sent += size;
  }

  leave(how: Ending): void {
    if (this.socket.destroyed || (how === 'end' && this.saidEnd)) return;
    if (how === 'end') this.saidEnd = true;
    this.said = how;
    leave(this.socket, how);
  }
}

export async function playTcp(stage: Stage, place: Place, number: number, schedule: TcpSchedule, name: string): Promise<string[]> {
  const happenings = new Happenings();
  const listener = `tcp${number}`;
  const ends: Partial<Record<TcpSide, End>> = {};
  const tags = { client: `${name}up`, origin: `${name}dn` };
  let accepts = 0;
  place.tcp.accepted = (socket) => {
    happenings.count++;
    accepts++;
    ends.origin = new End(socket, tags.origin, tags.client, happenings);
  };
  const client = new End(net.connect({ port: stage.port(listener), host: '127.0.0.1', noDelay: true, allowHalfOpen: true }), tags.client, tags.origin, happenings);
  ends.client = client;
  const reloads: Promise<void>[] = [];
  const step = async (one: TcpStep): Promise<void> => {
    switch (one.do) {
      case 'settle': return quiet(happenings);
      case 'send': return ends[one.side]?.send(one.size);
      case 'ends': return ends[one.side]?.leave(one.how);
      case 'reads': return void (one.on ? ends[one.side]?.socket.resume() : ends[one.side]?.socket.pause());
      case 'reload': {
        reloads.push(stage.reload());
        return one.waits ? reloads.at(-1) : undefined;
      }
    }
  };
  for (const one of schedule.steps) await step(one);
  await Promise.all(reloads);
  await quiet(happenings);
  const violations = await finish(client, () => ends.origin, happenings);
  if (accepts > 1) violations.push(`the origin was connected to ${accepts} times`);
  client.socket.destroy();
  ends.origin?.socket.destroy();
  await quiet(happenings);
  const isTold = await comesTrue(() => accepts === 0 || (stage.ended.get(listener)?.length ?? 0) > 0);
  const ended = stage.ended.get(listener) ?? [];
  stage.ended.delete(listener);
  if (!isTold || ended.length > 1) violations.push(`the connection ended ${ended.length} times`);
  return violations.map((detail) => `${name}: ${detail}`);
}

/** Both ends read, and say FIN if they have not left. */
async function finish(client: End, originOf: () => End | undefined, happenings: Happenings): Promise<string[]> {
  const violations: string[] = [];
  const isConnected = await comesTrue(() => originOf() !== undefined || client.isClosed || client.said === 'reset' || client.said === 'destroy');
  const origin = originOf();
  if (!isConnected) return ['no connection reached the origin'];
  if (!origin) return violations;
  for (const one of [client, origin]) {
    one.socket.resume();
    one.leave('end');
  }
  const isOver = (one: End): boolean => one.isClosed || one.hasEnded;
  if (!(await comesTrue(() => isOver(client) && isOver(origin)))) violations.push('it hangs');
  await quiet(happenings);
  for (const [side, one, other] of [['client', client, origin], ['origin', origin, client]] as const) {
    if (one.fault !== '') violations.push(`${side}: ${one.fault}`);
    if (one.received > other.sent) violations.push(`${side}: ${one.received} bytes came and ${other.sent} were sent`);
    if (one.said === 'end' && other.said === 'end') {
      if (one.received !== other.sent || one.errorCode !== '') violations.push(`${side}: ${one.received} of ${other.sent} bytes came, ${one.errorCode || 'then FIN'}`);
    } else if (other.said === 'reset' && !other.saidEnd && one.said === 'end' && one.errorCode === '') {
      violations.push(`${side}: the reset of the other side came as a FIN`);
    }
  }
  return violations;
}
