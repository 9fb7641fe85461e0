/** A process that has no file descriptors left: it accepts no more, serves whom it has, does not spin, and goes on when there are some again. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Config } from '@steelyard/sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectionsByDescriptors, lastDescriptors, limitOf } from '../../core/src/listen/descriptors.ts';
import { httpOrigin, namedOrigin } from '../e2e/support/origin.ts';
import { Peer } from '../e2e/support/peer.ts';
import { until } from './support.ts';

const CHILD = fileURLToPath(new URL('balancer-child.ts', import.meta.url));
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

describe('how many there may be', () => {
  it.each([
    ['Max open files            1024                 4096                 files     \n', 1_024],
    ['Limit  Soft Limit\nMax open files            unlimited            unlimited            files     \n', Infinity],
    ['something else', Infinity],
  ])('is read from what Linux shows: %#', (text, limit) => {
    expect(limitOf(text)).toBe(limit);
  });

  it.each([[20_000, 9_872], [1_024, 384], [256, 64], [16, 4], [2, 1], [10_000_000, 65_536], [Infinity, Infinity]])('of %d files leaves %d connections with one to a backend each', (limit, connections) => {
    expect(connectionsByDescriptors(limit)).toBe(connections);
  });

  it.each([[160, 144], [1_024, 960], [1_000_000, 998_976], [Infinity, Infinity]])('of %d files the last to be served is below %d', (limit, last) => {
    expect(lastDescriptors(limit)).toBe(last);
  });
});

interface Child {
  readonly port: number;
  readonly log: () => string;
  /** User and system time so far, in milliseconds. */
  readonly cpuMs: () => number;
}

async function startWith(files: number, config: Config): Promise<Child> {
  const child = spawn('bash', ['-c', `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, CHILD, JSON.stringify(config)], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let log = '';
  child.stdout!.on('data', (text: Buffer) => void (log += text.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(message as number));
    void exited.then((code) => reject(new Error(`the balancer's process ended with ${code}`)));
  });
  onTestFinished(async () => {
    child.send('stop');
    expect(await exited).toBe(0);
  });
  return { port, log: () => log, cpuMs: () => readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ').slice(11, 13).reduce((sum, ticks) => sum + Number(ticks) * 10, 0) };
}

function configFor(url: string): Config {
  return { maxConnections: null, listeners: [{ name: 'web', port: 0, host: '127.0.0.1' }], pools: { web: { backends: [url], retry: { attempts: 1 } } }, routes: [{ pool: 'web' }] };
}

describe.runIf(process.platform === 'linux')('a process that has nearly none left', () => {
  it('accepts no more, serves whom it has, does not spin, and accepts again', async () => {
    const { port, log, cpuMs } = await startWith(160, configFor((await namedOrigin('here')).url));
    const first = await Peer.connect(port);
    const peers = Array.from({ length: 250 }, () => Peer.open(port, false));
    await until(() => log().includes('file descriptor'));
    const [before, at] = [cpuMs(), performance.now()];
    for (let turn = 0; turn < 20; turn++) {
      const length = first.text.length;
      first.socket.write(GET);
      await until(() => first.text.length > length);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(first.text.match(/200 OK/g)).toHaveLength(20);
    // Whoever spins has a whole core: this is a tenth, with the requests.
    expect(cpuMs() - before).toBeLessThan((performance.now() - at) / 3);
    // One is refused at each look, ten in a second; the others wait.
    expect(peers.filter(({ isClosed }) => isClosed).length).toBeLessThan(40);
    for (const { socket } of peers) socket.destroy();
    const last = Peer.open(port);
    last.socket.write(GET);
    await until(() => last.text.includes('here') || last.isClosed);
    // One look may have come before the others were closed.
    const again = last.isClosed ? await Peer.connect(port) : last;
    again.socket.write(GET);
    await until(() => again.text.includes('here'));
  });

  it('answers 503 to whom it cannot connect, and does not hold that against the backend', async () => {
    const held: ServerResponse[] = [];
    let isHolding = false;
    const origin = await httpOrigin((_request, response) => void (isHolding ? held.push(response) : response.end('here')));
    const { port, log } = await startWith(100, configFor(origin.url));
    const peers: Peer[] = [];
    // Each is served once, so that all of them are in.
    for (let count = 0; count < 40; count++) {
      const peer = await Peer.connect(port);
      peer.socket.write(GET);
      await until(() => peer.text.includes('here'));
      peers.push(peer);
    }
    isHolding = true;
    for (const { socket } of peers) socket.write(GET);
    await until(() => peers.filter(({ text }) => text.includes('HTTP/1.1 503 ')).length + held.length === peers.length);
    const refused = peers.filter(({ text }) => text.includes('HTTP/1.1 503 '));
    expect(refused.length).toBeGreaterThan(0);
    expect(log()).toContain('ERR_DESCRIPTORS');
    expect(log()).not.toContain('ERR_UPSTREAM_CONNECT');
    isHolding = false;
    for (const response of held) response.end('here');
    await until(() => peers.filter(({ text }) => text.split(' 200 OK').length === 3).length === held.length);
  });
});
