/**
 * The load: an open loop. A request leaves when it is due, whatever the answers do, and its latency counts from when it was due: what the generator itself
 * is late by, or a wait for a connection, is in it, and is told apart too.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { monotonicMs } from './clock.ts';
import { ANSWER_LIMIT_MS, CONNECTIONS } from './setting.ts';
import { BODY_BYTES, fromBody, type Verdict } from './verdict.ts';

/** Requests leave in steps of so long. */
const STEP_MS = 0.5;

export interface Answer extends Verdict {
  /** Its place in the schedule. */
  request: number;
  latencyMs: number;
}

export interface Load {
  answers: Answer[];
  /** Requests without an answer, or with another than 200. */
  errors: number;
  /** Of the errors, the first few in words. */
  complaints: string[];
  /** How late each request left, ms. */
  lagsMs: number[];
  /** Requests that were due when no connection was free. 0, or the lags are more than the generator's own. */
  waits: number;
}

interface Lane {
  socket: Socket;
  /** Under way on it, -1 = none. */
  request: number;
  received: string;
}

/** Opens the connections; each may be used for one `run`. */
export async function openLanes(port: number): Promise<Lane[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.setEncoding('latin1');
    return { socket, request: -1, received: '' };
  }));
}

/** @param startMs of the machine's monotonic clock */
export async function run(lanes: readonly Lane[], due: Float64Array, startMs: number): Promise<Load> {
  const load: Load = { answers: [], errors: 0, complaints: [], lagsMs: [], waits: 0 };
  const idle = [...lanes];
  let next = 0;
  let settled = 0;
  let lastWaiting = -1;
  let finish: () => void;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const settle = (): void => {
    if (++settled === due.length) finish();
  };
  const fail = (why: string): void => {
    load.errors++;
    if (load.complaints.length < 3) load.complaints.push(why);
    settle();
  };
  const sendDue = (): void => {
    const now = monotonicMs() - startMs;
    for (; next < due.length && due[next]! <= now; next++) {
      const lane = idle.pop();
      if (lane === undefined) {
        if (lastWaiting < next) load.waits++;
        lastWaiting = next;
        return;
      }
      lane.request = next;
      load.lagsMs.push(now - due[next]!);
      lane.socket.write(`GET /request/${next} HTTP/1.1\r\nHost: bench.example\r\n\r\n`);
    }
  };
  const take = (lane: Lane, text: string): void => {
    lane.received += text;
    const bodyAt = lane.received.indexOf('\r\n\r\n') + 4;
    if (bodyAt === 3 || (lane.received.startsWith('HTTP/1.1 200 ') && lane.received.length < bodyAt + BODY_BYTES)) return;
    const { request, received } = lane;
    lane.received = '';
    lane.request = -1;
    if (received.startsWith('HTTP/1.1 200 ')) {
      load.answers.push({ request, latencyMs: monotonicMs() - startMs - due[request]!, ...fromBody(received.slice(bodyAt)) });
      idle.push(lane);
      settle();
    } else {
      fail(received.slice(0, received.indexOf('\r\n')));
      // How long its body is, is its own business.
      lane.socket.destroy();
    }
    sendDue();
  };
  for (const lane of lanes) {
    lane.socket.on('data', (text: string) => take(lane, text)).on('error', () => {}).on('close', () => {
      const at = idle.indexOf(lane);
      if (at >= 0) idle.splice(at, 1);
      if (lane.request < 0) return;
      lane.request = -1;
      fail('the connection was closed instead of an answer');
    });
  }
  const metronome = new Worker(new URL('../load/metronome.ts', import.meta.url), { workerData: { stepMs: STEP_MS } });
  metronome.on('message', sendDue);
  const limit = setTimeout(() => {
    while (settled < due.length) fail(`no answer ${ANSWER_LIMIT_MS / 1e3} s after the last request was due`);
  }, startMs - monotonicMs() + (due.at(-1) ?? 0) + ANSWER_LIMIT_MS);
  if (due.length > 0) await finished;
  clearTimeout(limit);
  await metronome.terminate();
  for (const { socket } of lanes) socket.removeAllListeners('close').destroy();
  return load;
}
