import { spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acceptHandles, bindPausable, pauses, type AcceptedHandle } from '../../core/src/sockets/accepts.ts';
import { NodeSocketEngine } from '../../core/src/sockets/node-sockets.ts';

const given = { handles: [] as unknown[], errors: [] as Error[] };
const accept = (server: object): boolean =>
  acceptHandles(server as net.Server, (handle) => void given.handles.push(handle), (error) => void given.errors.push(error));

it('gives each handle, and what failed as the error that node:net would have made', () => {
  const handle: AcceptedHandle = { setNoDelay: () => 0 };
  const listening = { onconnection(_status: number, _accepted: unknown): void {} };
  expect(accept({ _handle: listening })).toBe(true);
  listening.onconnection(0, handle);
  listening.onconnection(-24, undefined);
  expect(given.handles).toEqual([handle]);
  expect(given.errors).toMatchObject([{ message: 'accept EMFILE', code: 'EMFILE', errno: -24, syscall: 'accept' }]);
});

it('leaves a server alone whose handle is not as expected', () => {
  const onconnection = (): void => {};
  const other = { onconnection };
  expect([accept({}), accept({ _handle: null }), accept({ _handle: {} }), accept({ _handle: other })]).toEqual([false, false, false, false]);
  expect(other.onconnection).toBe(onconnection);
});

it('finds what it expects in this Node', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  expect(accept(server)).toBe(true);
  server.close();
});

describe('a listener that can pause', () => {
  it('leaves in the queue of the system what comes meanwhile, and gives it later', async () => {
    const bound = bindPausable('127.0.0.1', 0, false)!;
    const server = net.createServer();
    await new Promise<void>((resolve) => server.once('listening', resolve).listen(bound, 8));
    const door = pauses(server);
    expect(door.canPause).toBe(true);
    const handles: { close(): void }[] = [];
    let onHandle = (): void => {};
    acceptHandles(server, (handle) => {
      handles.push(handle as unknown as { close(): void });
      onHandle();
    }, () => {});
    const { port } = server.address() as net.AddressInfo;
    const clients = Array.from({ length: 5 }, () => net.connect(port, '127.0.0.1'));
    // From within the call: what libuv has seen already stays in the queue as well.
    onHandle = () => door.pause();
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('connect', resolve))));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(handles).toHaveLength(1);
    onHandle = () => {};
    door.resume();
    door.resume();
    while (handles.length < 5) await new Promise(setImmediate);
    for (const client of clients) client.destroy();
    for (const handle of handles) handle.close();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    door.pause();
    door.resume();
  });

  it('is not made of a name, which has to be looked up, and not where the port is taken', async () => {
    expect(bindPausable('localhost', 0, false)).toBeUndefined();
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const bound = bindPausable('127.0.0.1', port, false);
    // Linux lets it be bound, and not listened to: both ways the error is that of `listen`.
    const other = net.createServer();
    const failed = new Promise<Error>((resolve) => other.once('error', resolve));
    if (bound) other.listen(bound, 8);
    else other.listen(port, '127.0.0.1');
    expect(await failed).toMatchObject({ code: 'EADDRINUSE' });
    server.close();
  });

  it.each([false, true])('stays with this process: a child that is started meanwhile does not keep the port (shared: %s)', async (isShared) => {
    const listening = await new NodeSocketEngine().listen({ host: '127.0.0.1', port: 0, backlog: 8, isShared }, () => {}, () => {});
    expect(listening.canPause).toBe(true);
    const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('here');
    await once(child.stdout, 'data');
    await listening.close();
    const again = net.createServer().listen(listening.port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
    child.stdin.end();
    await once(child, 'exit');
  });

  it('is not made in a worker of node:cluster, whose parent binds for all of them', () => {
    const worker = cluster as { isWorker: boolean };
    worker.isWorker = true;
    onTestFinished(() => void (worker.isWorker = false));
    expect(bindPausable('127.0.0.1', 0, false)).toBeUndefined();
  });

  it('is not made of one that was bound the usual way', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    expect([pauses(server).canPause, pauses(undefined).canPause]).toEqual([false, false]);
    server.close();
  });
});
