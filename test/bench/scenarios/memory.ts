/** What stays: memory of idle connections, and heap that requests leave to the collector. */
import { connect } from 'node:net';
import { httpPeers, STEELYARD, steelyard } from '../contenders.ts';
import { holdIdleConnections, mostConnections } from '../load/idle.ts';
import { runWrk } from '../load/wrk.ts';
import { HEAP, MEMORY } from '../metrics.ts';
import { residentBytesOf } from '../rig/memory.ts';
import type { Scenario } from '../scenarios.ts';
import { getsPage, passesHeaders } from '../verify.ts';

const IDLE_CONNECTIONS = 10_000;
/** Before the connections come: what a process takes once, it has then taken. */
const WARM_UP_SECONDS = 2;
/** For the proxy to come to rest: its last answers are written, and a collector has had its turn. */
const REST_MS = 1_000;

export const MEMORY_SCENARIOS: readonly Scenario[] = [
  {
    name: 'idle-connections', title: 'memory of idle keep-alive connections, each having made one request', metric: MEMORY, contenders: [STEELYARD, ...httpPeers(true)],
    origin: 'pages', checks: [passesHeaders], seconds: WARM_UP_SECONDS, mostRounds: 5, isFresh: true,
    note() {
      const count = mostConnections(IDLE_CONNECTIONS);
      const fewer = count < IDLE_CONNECTIONS ? ` Fewer than ${IDLE_CONNECTIONS.toLocaleString('en')}, because \`ulimit -n\` is too low here.` : '';
      return `${count.toLocaleString('en')} connections.${fewer} Resident memory of the proxy (Pss of all its processes) with them, less that of the same process before them, after a short load of 64 connections; a new process for each sample. What the kernel keeps for sockets is not in it.`;
    },
    async run(bench, { port, pid }, seconds) {
      const load = await runWrk(bench, port, seconds, { path: '/', connections: 64 });
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
      const before = residentBytesOf(pid);
      const count = mostConnections(IDLE_CONNECTIONS);
      const held = await holdIdleConnections(bench, port, count);
      try {
        await new Promise((resolve) => setTimeout(resolve, REST_MS));
        return { ...load, failures: load.failures + held.failures, cost: (residentBytesOf(pid) - before) / count / 1_024 };
      } finally {
        await held.release();
      }
    },
  },
  ...(['1k', 'small'] as const).map((size): Scenario => ({
    name: size === '1k' ? 'heap-1k' : 'heap', title: `JavaScript heap allocated per request: GET, ${size === '1k' ? '1 KiB' : '21-byte'} body, 64 connections`, metric: HEAP,
    contenders: [steelyard('steelyard', 'steelyard.config.ts', { workers: 0, hasHeapProbe: true })], origin: 'pages', checks: size === '1k' ? [getsPage('1k')] : [passesHeaders],
    seconds: 2, mostRounds: 5,
    note: () => 'V8’s own count of all bytes ever allocated in the thread that carries the load (`total_allocated_bytes`), by `steelyard start --workers 0`; health checks and metrics are in it.',
    async run(bench, { port, heapPort }, seconds) {
      const before = await allocatedBytes(heapPort!);
      const load = await runWrk(bench, port, seconds, { path: size === '1k' ? '/1k' : '/', connections: 64 });
      return { ...load, cost: ((await allocatedBytes(heapPort!)) - before) / load.requests };
    },
  })),
];

/** @throws when this Node does not count them */
async function allocatedBytes(heapPort: number): Promise<number> {
  let text = '';
  for await (const part of connect(heapPort, '127.0.0.1').setEncoding('utf8')) text += part as string;
  if (text === '') throw new Error(`Node ${process.versions.node} does not count allocated bytes`);
  return Number(text);
}
