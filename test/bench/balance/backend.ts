/**
 * One backend: `BALANCE_PORT=… BALANCE_INDEX=0 node backend.ts`. One server with a queue before it, first come first served. Nothing is computed: the end of
 * each request is known when it arrives, and a timer waits for it, so that a busy backend takes no CPU, and a late timer delays one answer and no queue.
 *
 *     /request/<number>                            answers when its work is done
 *     /load                                        answers Prequal's probe at once
 *     /turn?seed=…&startMs=…&hints=0               a new turn begins at that time of the machine's monotonic clock; the queue is emptied
 */
import { createServer, type ServerResponse } from 'node:http';
import { monotonicMs } from './clock.ts';
import { LoadMemory } from './load-memory.ts';
import { Antagonists, workOf } from './schedule.ts';
import { toBody } from './verdict.ts';

const { BALANCE_PORT = '', BALANCE_INDEX = '' } = process.env;
const index = Number(BALANCE_INDEX);

let turn = newTurn(0, 0, false);

function newTurn(seed: number, startMs: number, hasHints: boolean) {
  return { seed, startMs, hasHints, antagonists: new Antagonists(seed), memory: new LoadMemory(), /** When the queue is empty. */ freeMs: 0, timers: new Set<NodeJS.Timeout>() };
}

function begin(query: URLSearchParams, response: ServerResponse): void {
  for (const timer of turn.timers) clearTimeout(timer);
  turn = newTurn(Number(query.get('seed')), Number(query.get('startMs')), query.get('hints') === '1');
  response.end();
}

function serve(request: number, response: ServerResponse): void {
  const mine = turn;
  const arrivedMs = monotonicMs() - mine.startMs;
  const rifMet = mine.memory.arrive();
  const isSlow = mine.antagonists.isSlow(index, arrivedMs);
  const endMs = mine.antagonists.finishOf(index, Math.max(arrivedMs, mine.freeMs), workOf(mine.seed, request));
  mine.freeMs = endMs;
  const timer = setTimeout(() => {
    mine.timers.delete(timer);
    mine.memory.leave(rifMet, monotonicMs() - mine.startMs - arrivedMs);
    if (mine.hasHints) response.setHeader('x-load', String(mine.memory));
    const body = toBody({ backend: index, isSlow, rifMet });
    response.setHeader('content-length', body.length);
    response.end(body);
  }, Math.round(endMs - arrivedMs));
  mine.timers.add(timer);
}

const server = createServer((request, response) => {
  const url = new URL(request.url!, 'http://backend');
  if (url.pathname === '/load') response.setHeader('x-load', String(turn.memory)).end();
  else if (url.pathname === '/turn') begin(url.searchParams, response);
  else if (url.pathname.startsWith('/request/')) serve(Number(url.pathname.slice('/request/'.length)), response);
  else response.writeHead(404).end();
});
// Never: a connection that ends while a balancer takes it up again would look like a fault of the balancer.
server.keepAliveTimeout = 0;
server.listen(Number(BALANCE_PORT), '127.0.0.1', 4_096);
