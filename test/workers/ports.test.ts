import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ResolvedListener } from '../../core/src/config/resolved.ts';
import { NodeSocketEngine } from '../../core/src/sockets/node-sockets.ts';
import { SharedPorts } from '../../core/src/workers/ports.ts';

const listener = (name: string, port: number, host = '127.0.0.1'): ResolvedListener => ({ name, host, port, protocol: 'http', backlog: 511 }) as unknown as ResolvedListener;

async function holder(options: net.ListenOptions = {}): Promise<number> {
  const server = net.createServer().listen({ host: '127.0.0.1', port: 0, ...options });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as net.AddressInfo).port;
}

describe('the ports that all workers bind', () => {
  it('are numbers where the config says 0, each another, and free again for them', async () => {
    const ports = new SharedPorts(new NodeSocketEngine());
    const found = await ports.find([listener('a', 0), listener('b', 0)]);
    const [a, b] = [found.get('a')!.port, found.get('b')!.port];
    expect([a > 0, b > 0, a === b]).toEqual([true, true, false]);
    expect(await holder({ port: a })).toBe(a);
  });

  it('stay over reloads: by name where the config says 0, else by address', async () => {
    const ports = new SharedPorts(new NodeSocketEngine());
    const listeners = [listener('a', 0)];
    const found = await ports.find(listeners);
    ports.hold(listeners, found);
    // As if the workers had it: it is not bound once more.
    await holder({ port: found.get('a')!.port });
    expect(await ports.find(listeners)).toEqual(found);
    const fixed = [listener('a', found.get('a')!.port)];
    ports.hold(fixed, found);
    // Under its new name alone: it is told to people with all that is here.
    expect((await ports.find([listener('renamed', found.get('a')!.port)])).get('renamed')).toEqual({ host: '127.0.0.1', port: found.get('a')!.port });
  });

  it.each([['alone', {}], ['and would share it', { reusePort: true }]] as const)('are refused when another process has one %s', async (_how, options) => {
    const port = await holder(options);
    await expect(new SharedPorts(new NodeSocketEngine()).find([listener('a', port)])).rejects.toMatchObject({ code: 'ERR_LISTEN', message: expect.stringMatching(new RegExp(`^listener a cannot listen on 127.0.0.1:${port}: .*in use`)) as string });
  });

  it('are refused with the name of the listener when this balancer itself has one on another address', async () => {
    const port = await holder();
    const ports = new SharedPorts(new NodeSocketEngine());
    ports.hold([listener('mine', port)], new Map([['mine', { host: '127.0.0.1', port }]]));
    await expect(ports.find([listener('other', port, '0.0.0.0')])).rejects.toMatchObject({ code: 'ERR_LISTEN', message: expect.stringContaining('by listener mine') as string });
  });
});
