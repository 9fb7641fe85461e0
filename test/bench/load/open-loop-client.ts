/**
 * `open-loop-client.ts '{"port":…,"path":"/","connections":64,"perSecond":20000,"seconds":3}'`: GET requests at a fixed rate. Prints an `OpenLoopResult`.
 * A request is due at its place in the schedule; when all connections wait for answers it is sent late, and its latency counts from when it was due.
 * A closed loop would not have sent it, and would have left the wait out of the tail (coordinated omission).
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { percentile } from '../statistics.ts';
import type { OpenLoad, OpenLoopResult } from './open-loop.ts';

const WARM_UP_SECONDS = 0.5;
/** Requests leave in steps of so long. Shorter ones cost the generator more than they bring: each wakes a thread. */
const STEP_MS = 0.25;
/** After the last request is sent, for the last answers. */
const END_LIMIT_MS = 5_000;
const READ_BYTES = 16_384;

const { port, path, connections, perSecond, seconds } = JSON.parse(process.argv[2]!) as OpenLoad & { port: number };
const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench.example\r\n\r\n`);

interface Lane {
  socket: Socket;
  /** When the request under way was due, ms. */
  dueAt: number;
  /** Bytes of its answer that are not here yet. */
  missing: number;
}

const total = Math.round(perSecond * (WARM_UP_SECONDS + seconds));
const firstCounted = Math.round(perSecond * WARM_UP_SECONDS);
const latenciesUs: number[] = [];
const latenessUs: number[] = [];
const idle: Lane[] = [];
let answerBytes = 0;
let bytes = 0;
let sent = 0;
let answered = 0;
let failures = 0;
let startedAt = 0;
let finish: () => void;

/** Opens a connection and makes one request on it, to know how long an answer is. */
async function open(): Promise<Lane> {
  let first: Buffer | undefined;
  const socket = connect({
    port, host: '127.0.0.1', noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(length, buffer) {
        if (first === undefined) {
          first = Buffer.from(buffer.slice(0, length));
          socket.emit('answered');
        } else take(lane, length, buffer);
        return true;
      },
    },
  });
  const lane: Lane = { socket, dueAt: 0, missing: 0 };
  socket.write(request);
  await once(socket, 'answered');
  const head = first!.toString('latin1');
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`the first answer is ${JSON.stringify(head.slice(0, 60))}`);
  // The whole of it: it is small, and was written at once.
  answerBytes = first!.length;
  socket.on('error', () => {}).on('close', () => lose(lane));
  return lane;
}

function take(lane: Lane, length: number, buffer: Uint8Array): void {
  // 'HTTP/1.1 2': all else is a failure.
  if (lane.missing === answerBytes && buffer[9] !== 0x32) failures++;
  lane.missing -= length;
  if (lane.missing > 0) return;
  if (lane.missing < 0) failures++;
  lane.missing = 0;
  bytes += answerBytes;
  settle(lane.dueAt);
  idle.push(lane);
  sendDue();
}

function settle(dueAt: number): void {
  answered++;
  const now = performance.now();
  if (dueAt >= startedAt + WARM_UP_SECONDS * 1e3) latenciesUs.push((now - dueAt) * 1e3);
  if (answered === total) finish();
}

/** A connection that goes takes its request with it. */
function lose(lane: Lane): void {
  if (startedAt === 0 || answered === total) return;
  failures++;
  const at = idle.indexOf(lane);
  if (at >= 0) idle.splice(at, 1);
  else settle(lane.dueAt);
}

function sendDue(): void {
  if (startedAt === 0) return;
  const now = performance.now();
  while (sent < total && idle.length > 0) {
    const dueAt = startedAt + (sent / perSecond) * 1e3;
    if (dueAt > now) return;
    const lane = idle.shift()!;
    lane.dueAt = dueAt;
    lane.missing = answerBytes;
    if (sent >= firstCounted) latenessUs.push((now - dueAt) * 1e3);
    sent++;
    lane.socket.write(request);
  }
}

for (let i = 0; i < connections; i++) idle.push(await open());
const finished = new Promise<void>((resolve) => (finish = resolve));
const metronome = new Worker(new URL('metronome.ts', import.meta.url), { workerData: { stepMs: STEP_MS } });
await new Promise((resolve) => metronome.once('message', resolve));
startedAt = performance.now();
metronome.on('message', sendDue);
const limit = setTimeout(() => {
  failures += total - answered;
  finish();
}, (WARM_UP_SECONDS + seconds) * 1e3 + END_LIMIT_MS);
await finished;
clearTimeout(limit);
const result: OpenLoopResult = {
  requests: answered, bytes, seconds: (performance.now() - startedAt) / 1e3, failures,
  p50Us: percentile(latenciesUs, 0.5), p99Us: percentile(latenciesUs, 0.99), sentLateP99Us: percentile(latenessUs, 0.99) ?? 0,
};
console.log(JSON.stringify(result));
process.exit(0);
