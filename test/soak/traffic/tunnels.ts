/** Bytes both ways: upgraded connections and tcp ones. What went in comes back, to the last byte, until one side leaves. */
import type net from 'node:net';
import { patternOf } from '../origin/pattern.ts';
import type { Fate } from './fate.ts';
import { sizeOf } from './good.ts';
import { hear, writeInTurn, type Heard } from './raw.ts';
import type { Kind, World } from './traffic.ts';

const MOST_MESSAGES = 5;
const PAUSE_MS = 30;
/** Longer than the drain limit of 3 s. */
const LONG_MS = 5_000;

type End = 'client' | 'backend' | 'reset' | 'time limit';

export const TUNNELS: readonly Kind[] = [
  tunnel('upgraded, client leaves', 4, (world) => upgraded(world, 'client')),
  tunnel('upgraded, backend leaves', 3, (world) => upgraded(world, 'backend')),
  tunnel('upgraded, client resets', 2, (world) => upgraded(world, 'reset')),
  tunnel('upgraded, then silent', 0.5, (world) => upgraded(world, 'time limit')),
  { ...tunnel('upgraded, for long', 0.3, (world) => upgraded(world, 'client', LONG_MS)), excusedBy: ['worker', 'reload'], isLong: true },
  tunnel('tcp, client leaves', 5, (world) => overTcp(world, 'client')),
  tunnel('tcp, client resets', 2, (world) => overTcp(world, 'reset')),
];

function tunnel(name: string, weight: number, run: (world: World) => Promise<Fate>): Kind {
  return { name, weight, run, allows: [], excusedBy: ['worker'] };
}

async function upgraded(world: World, end: End, holdMs = PAUSE_MS): Promise<Fate> {
  const id = world.nextId();
  const sent = patternOf(id, 1 + sizeOf(world));
  const leave = end === 'backend' ? `X-Leave-After: ${sent.length}\r\n` : '';
  const port = end === 'time limit' ? world.ports.strict : world.ports.web;
  const heard = await hear(port, (socket) => {
    socket.write(`GET /tunnel HTTP/1.1\r\nHost: soak.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Id: ${id}\r\n${leave}\r\n`);
    let head = '';
    const onHead = (part: Buffer): void => {
      head += part.toString('latin1');
      const bodyAt = head.indexOf('\r\n\r\n') + 4;
      if (bodyAt < 4) return;
      socket.off('data', onHead);
      if (head.startsWith('HTTP/1.1 101 ')) converse(world, socket, sent, end, holdMs, head.length - bodyAt);
    };
    socket.on('data', onHead);
  });
  if (heard.isLate) return { kind: 'late' };
  const head = heard.bytes.toString('latin1', 0, 1_000);
  const [status, bodyAt] = [Number(head.slice(9, 12)), head.indexOf('\r\n\r\n') + 4];
  if (head === '') return { kind: 'cut' };
  if (status !== 101) return { kind: 'status', status };
  if (!head.toLowerCase().includes(`x-id: ${id}\r\n`)) return { kind: 'wrong', why: 'the upgrade of another' };
  return judgeEcho({ ...heard, bytes: heard.bytes.subarray(bodyAt) }, sent, end);
}

async function overTcp(world: World, end: End): Promise<Fate> {
  const sent = patternOf(world.nextId(), 1 + sizeOf(world));
  const heard = await hear(world.ports.tcp, (socket) => converse(world, socket, sent, end, PAUSE_MS, 0));
  return judgeEcho(heard, sent, end);
}

/** Writes all in several messages, waits for all of it to come back, and ends as it should. @param heard bytes of echo that came before */
function converse({ random }: World, socket: net.Socket, sent: Buffer, end: End, holdMs: number, heard: number): void {
  let echoed = heard;
  let timer: NodeJS.Timeout | undefined;
  const leaveAt = end === 'reset' ? Math.floor(random() * sent.length) : sent.length;
  const look = (): void => {
    if (echoed < leaveAt || timer !== undefined) return;
    if (end === 'reset') socket.resetAndDestroy();
    if (end === 'client') timer = setTimeout(() => socket.end(), holdMs);
  };
  socket.on('data', (part: Buffer) => {
    echoed += part.length;
    look();
  });
  const messages = 1 + Math.floor(random() * MOST_MESSAGES);
  const size = Math.ceil(sent.length / messages);
  writeInTurn(socket, Array.from({ length: messages }, (_, i) => sent.subarray(i * size, (i + 1) * size)), PAUSE_MS);
  look();
}

function judgeEcho({ bytes, isLate }: Heard, sent: Buffer, end: End): Fate {
  if (isLate) return { kind: 'late' };
  if (!sent.subarray(0, bytes.length).equals(bytes)) return { kind: 'wrong', why: `an echo of ${bytes.length} bytes that is not what was sent` };
  // One who resets does not wait for the rest.
  if (bytes.length < sent.length && end !== 'reset') return { kind: bytes.length === 0 ? 'cut' : 'broken' };
  return { kind: 'answered' };
}
