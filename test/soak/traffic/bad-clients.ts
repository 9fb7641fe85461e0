/** Clients that break the rules, are slow, or leave. Each gets its error, or loses its connection; nobody else may feel it. */
import type net from 'node:net';
import type { Fate } from './fate.ts';
import { sizeOf } from './good.ts';
import { fateOf, hear } from './raw.ts';
import type { Kind, World } from './traffic.ts';
import { bytesOf, type Ask } from './wire.ts';

const HOST = 'Host: soak.example\r\n';
const MALFORMED: readonly string[] = [
  'GET / HTTP/1.1\r\n\r\n',
  `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
  `GET / HTTP/1.1\r\n${HOST}Content-Length : 3\r\n\r\nabc`,
  `GET / HTTP/1.1\r\n${HOST} folded: yes\r\n\r\n`,
  `GET / HTTP/1.1\r\n${HOST}X-Nul: a\0b\r\n\r\n`,
  `GET  / HTTP/1.1\r\n${HOST}\r\n`,
  `GET / HTTP/9.9\r\n${HOST}\r\n`,
  `G@T / HTTP/1.1\r\n${HOST}\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\n`,
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 1x\r\n\r\n1`,
  `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
  `CONNECT soak.example:443 HTTP/1.1\r\n${HOST}\r\n`,
  `GET / HTTP/1.1\r\n${HOST}Expect: the-spanish-inquisition\r\n\r\n`,
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
];
const REFUSALS = ['400', '408', '413', '414', '417', '431', '501', '505'];
/** More than the kernel's buffers take from one who does not read. */
const UNREAD_BYTES = 12_000_000;
/** Behind the strict listener's time limits of 600 ms. */
const SLOW_PAUSE_MS = 100;
const ASLEEP_MS = 2_500;

export const BAD_CLIENTS: readonly Kind[] = [
  bad('malformed head', 6, REFUSALS, (world) => toStrict(world, Buffer.from(pick(world, MALFORMED), 'latin1'))),
  bad('oversized head', 2, REFUSALS, (world) => toStrict(world, Buffer.from(`GET / HTTP/1.1\r\n${HOST}X-Long: ${'x'.repeat(9_000 + world.random() * 50_000)}\r\n\r\n`))),
  bad('too many headers', 1, REFUSALS, (world) => toStrict(world, Buffer.from(`GET / HTTP/1.1\r\n${HOST}${'X-A: b\r\n'.repeat(60)}\r\n`))),
  bad('too long a target', 1, REFUSALS, (world) => toStrict(world, Buffer.from(`GET /${'x'.repeat(3_000)} HTTP/1.1\r\n${HOST}\r\n`))),
  bad('too long a body', 1, REFUSALS, (world) => toStrict(world, bytesOf(anyAsk(world, { method: 'POST', bodyBytes: 200_000, isChunked: world.random() < 0.5 })))),
  bad('slow head', 1, REFUSALS, async (world) => slowly(world, bytesOf(anyAsk(world, { method: 'GET' })))),
  bad('slow body', 1, ['408', 'cut'], async (world) => {
    const bytes = bytesOf(anyAsk(world, { method: 'POST', bodyBytes: 1_000 }));
    return fateOf(await hear(world.ports.strict, (socket) => void socket.write(bytes.subarray(0, bytes.length - 500))));
  }),
  bad('silence', 1, ['408', 'cut'], async (world) => fateOf(await hear(world.ports.strict, () => {}))),
  // A 408 where the body's end was waited for; a client that says FIN before its answer counts as one that left.
  bad('truncated body', 2, ['400', '408', 'cut'], async (world) => {
    const bytes = bytesOf(anyAsk(world, { method: 'POST', bodyBytes: 5_000 }));
    return fateOf(await hear(world.ports.strict, (socket) => void socket.end(bytes.subarray(0, bytes.length - 1 - Math.floor(world.random() * 4_999)))));
  }),
  bad('leaves while sending', 4, ['cut', '408'], async (world) => {
    const bytes = bytesOf(anyAsk(world, { method: 'POST', bodyBytes: sizeOf(world), isChunked: world.random() < 0.5 }));
    const part = bytes.subarray(0, Math.floor(world.random() * bytes.length));
    return fateOf(await hear(world.ports.web, (socket) => void socket.write(part, () => leave(world, socket))));
  }),
  bad('leaves while receiving', 4, ['cut', '200'], (world) => {
    const after = world.random() * 300_000;
    let got = 0;
    return hear(world.ports.web, (socket) => {
      socket.write(bytesOf(anyAsk(world, { method: 'GET', answerBytes: 400_000 })));
      socket.on('data', (part) => {
        if ((got += part.length) > after) leave(world, socket);
      });
    }).then(fateOf);
  }),
  bad('leaves before its answer', 2, ['cut', '200'], async (world) => {
    const bytes = bytesOf(anyAsk(world, { method: 'GET', path: '/faulty/a', headers: 'X-Fault: slow\r\n' }));
    return fateOf(await hear(world.ports.web, (socket) => void socket.write(bytes, () => leave(world, socket))));
  }),
  { isLong: true, ...bad('does not read', 0.1, ['cut', '200'], async (world) => fateOf(await hear(world.ports.strict, (socket) => {
    socket.write(bytesOf(anyAsk(world, { method: 'GET', answerBytes: UNREAD_BYTES })));
    socket.pause();
    setTimeout(() => socket.resume(), ASLEEP_MS);
  }))) },
];

function bad(name: string, weight: number, allows: readonly string[], run: (world: World) => Promise<Fate>): Kind {
  return { name, weight, allows, run, excusedBy: ['worker'] };
}

function anyAsk(world: World, parts: Partial<Ask> & Pick<Ask, 'method'>): Ask {
  return { id: world.nextId(), path: '/steady', ...parts };
}

async function toStrict({ ports }: World, bytes: Buffer): Promise<Fate> {
  return fateOf(await hear(ports.strict, (socket) => void socket.write(bytes)));
}

/** A byte at a time, until it is told to stop. */
async function slowly({ ports }: World, bytes: Buffer): Promise<Fate> {
  let timer: NodeJS.Timeout | undefined;
  const heard = await hear(ports.strict, (socket) => {
    let at = 0;
    timer = setInterval(() => void (socket.writable && socket.write(bytes.subarray(at, ++at))), SLOW_PAUSE_MS);
  });
  clearInterval(timer);
  return fateOf(heard);
}

/** In one of the ways in which clients do. */
function leave({ random }: World, socket: net.Socket): void {
  if (random() < 0.5) socket.resetAndDestroy();
  else socket.destroy();
}

function pick<T>({ random }: World, list: readonly T[]): T {
  return list[Math.floor(random() * list.length)]!;
}
