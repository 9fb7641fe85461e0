/** What is larger than memory should be passes in constant memory: the balancer holds a few buffers of it, never the whole. */
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { proxyTo } from './support/balancer.ts';
import { forkBalancer, type BalancerProcess } from './support/balancer-process.ts';
import { rawOrigin } from './support/origin.ts';
import { tcpTo } from './support/tcp.ts';

const MIB = 1_048_576;
const SIZE = 1024 * MIB;
/** Far below what passes, above what the collector of a busy process leaves lying. */
const GROWTH_LIMIT = 64 * MIB;
const BLOCK = Buffer.alloc(256 * 1024, 'b');
const CHUNK = Buffer.concat([Buffer.from(`${BLOCK.length.toString(16)}\r\n`), BLOCK, Buffer.from('\r\n')]);
const LAST_CHUNK = '0\r\n\r\n';

/** Writes `count` times the block, as fast as it is taken. */
function pour(socket: net.Socket, block: Buffer, count: number, behind: () => void): void {
  let left = count;
  const write = (): void => {
    while (left > 0) {
      left--;
      if (!socket.write(block)) return void socket.once('drain', write);
    }
    behind();
  };
  write();
}

/** Counts what comes without keeping it: one read buffer for all. */
function connectCounting(port: number, onBytes: (bytes: Buffer) => void): Promise<net.Socket> {
  const buffer = Buffer.allocUnsafeSlow(256 * 1024);
  const onread = { buffer, callback: (size: number): boolean => (onBytes(buffer.subarray(0, size)), true) };
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', onread }, () => resolve(socket));
    socket.on('error', reject);
    onTestFinished(() => void socket.destroy());
  });
}

async function fork(config: Parameters<typeof forkBalancer>[0]): Promise<BalancerProcess> {
  const balancer = await forkBalancer({ ...config, log: { level: 'silent' } });
  onTestFinished(() => balancer.stop());
  return balancer;
}

/** How far resident memory rose while `pass` ran. A first, small pass has compiled the code and filled the free lists. */
async function growth(balancer: BalancerProcess, pass: (mebibytes: number) => Promise<void>): Promise<number> {
  await pass(64);
  const before = await balancer.forget();
  await pass(SIZE / MIB);
  return (await balancer.peak()) - before;
}

describe('1 GiB in constant memory', () => {
  const BLOCKS_PER_MIB = MIB / BLOCK.length;

  it.each(['Content-Length', 'chunked'])('as a response body, %s, to a client that reads nothing for a while', async (framing) => {
    const isChunked = framing === 'chunked';
    let asked: (socket: net.Socket) => void = () => {};
    const { url } = await rawOrigin((socket) => {
      socket.on('data', (request: Buffer) => {
        asked(socket);
        const blocks = Number(/^GET \/(\d+)/.exec(request.toString('latin1'))![1]) * BLOCKS_PER_MIB;
        socket.write(`HTTP/1.1 200 OK\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${blocks * BLOCK.length}`}\r\n\r\n`);
        pour(socket, isChunked ? CHUNK : BLOCK, blocks, () => isChunked && socket.write(LAST_CHUNK));
      });
    });
    const balancer = await fork(proxyTo(url));
    let received = 0;
    let wanted = Infinity;
    let done: () => void = () => {};
    const client = await connectCounting(balancer.port, (bytes) => {
      received += bytes.length;
      const isWhole = isChunked ? bytes.subarray(-LAST_CHUNK.length).equals(Buffer.from(LAST_CHUNK)) : received >= wanted;
      if (received >= wanted && isWhole) done();
    });
    const pass = async (mebibytes: number): Promise<void> => {
      received = 0;
      wanted = mebibytes * MIB;
      const whole = new Promise<void>((resolve) => (done = resolve));
      client.pause();
      const sender = await new Promise<net.Socket>((resolve) => {
        asked = resolve;
        client.write(`GET /${mebibytes} HTTP/1.1\r\nHost: a\r\n\r\n`);
      });
      await isStuck(sender);
      client.resume();
      await whole;
    };
    expect(await growth(balancer, pass)).toBeLessThan(GROWTH_LIMIT);
  });

  it.each(['Content-Length', 'chunked'])('as a request body, %s, to a backend that reads nothing for a while', async (framing) => {
    const isChunked = framing === 'chunked';
    const accepted = Promise.withResolvers<net.Socket>();
    const { url } = await rawOrigin((socket) => {
      let left = 0;
      accepted.resolve(socket);
      socket.on('data', (bytes: Buffer) => {
        if (left === 0) {
          const head = bytes.subarray(0, bytes.indexOf('\r\n\r\n')).toString('latin1');
          left = Number(/^POST \/(\d+)/.exec(head)![1]) * MIB + head.length + 4;
        }
        left = Math.max(1, left - bytes.length);
        // Chunk lines are counted as body too, so the last chunk says when it is whole.
        const isWhole = isChunked ? left === 1 && bytes.subarray(-LAST_CHUNK.length).equals(Buffer.from(LAST_CHUNK)) : left === 1;
        if (!isWhole) return;
        left = 0;
        socket.pause();
        socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      });
      socket.pause();
    });
    const balancer = await fork(proxyTo(url));
    let done: () => void = () => {};
    const client = await connectCounting(balancer.port, (bytes) => {
      expect(bytes.toString('latin1')).toMatch(/^HTTP\/1.1 204 /);
      done();
    });
    const pass = async (mebibytes: number): Promise<void> => {
      const blocks = mebibytes * BLOCKS_PER_MIB;
      client.write(`POST /${mebibytes} HTTP/1.1\r\nHost: a\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${blocks * BLOCK.length}`}\r\n\r\n`);
      const answered = new Promise<void>((resolve) => (done = resolve));
      pour(client, isChunked ? CHUNK : BLOCK, blocks, () => isChunked && client.write(LAST_CHUNK));
      await isStuck(client);
      (await accepted.promise).resume();
      await answered;
    };
    expect(await growth(balancer, pass)).toBeLessThan(GROWTH_LIMIT);
  });

  it.each(['the client', 'the backend'])('over TCP, sent by the other side while %s reads nothing for a while', async (reader) => {
    const accepted = Promise.withResolvers<net.Socket>();
    const { url } = await rawOrigin((socket) => accepted.resolve(socket), 'tcp');
    const balancer = await fork(tcpTo([url]));
    let received = 0;
    let wanted = Infinity;
    let done: () => void = () => {};
    const count = (bytes: Buffer): void => {
      received += bytes.length;
      if (received >= wanted) done();
    };
    const client = await connectCounting(balancer.port, reader === 'the client' ? count : () => {});
    const backend = await accepted.promise;
    const [from, to] = reader === 'the client' ? [backend, client] : [client, backend];
    if (to === backend) backend.on('data', count);
    const pass = async (mebibytes: number): Promise<void> => {
      received = 0;
      wanted = mebibytes * MIB;
      const whole = new Promise<void>((resolve) => (done = resolve));
      to.pause();
      pour(from, BLOCK, mebibytes * BLOCKS_PER_MIB, () => {});
      await isStuck(from);
      expect(received).toBeLessThan(wanted);
      to.resume();
      await whole;
    };
    expect(await growth(balancer, pass)).toBeLessThan(GROWTH_LIMIT);
  });
});

/** The kernel and the balancer take no more: what was written has stood still for a few looks. */
async function isStuck(socket: net.Socket): Promise<void> {
  let written = -1;
  for (let still = 0; still < 5;) {
    const now = socket.bytesWritten - socket.writableLength;
    still = now === written && socket.writableLength > 0 ? still + 1 : 0;
    written = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
