/** Worker threads end to end: real threads, real sockets. Each test's config is loaded by main and by both workers. */
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { httpOrigin, namedOrigin } from './support/origin.ts';
import { echoOrigin } from './support/peer.ts';
import { ask, askBoth, crewOf, holdingOrigin, startCrew, until, want } from './workers/support.ts';

describe('two workers', () => {
  it('both serve, on one port that was chosen for them, HTTP and TCP', async () => {
    const { url } = await namedOrigin('x');
    const echo = await echoOrigin();
    const { balancer } = await startCrew({ backends: [url], tcp: echo.url });
    const { port } = balancer.address('web');
    expect([...(await askBoth(port)).values()].map(({ status }) => status)).toEqual([200, 200]);
    const socket = net.connect(balancer.address('raw').port, '127.0.0.1');
    socket.write('hello');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('hello');
    socket.destroy();
    expect(balancer.describe()).toMatchObject({ listeners: [{ name: 'web', port }, { name: 'raw' }], pools: [{ name: 'web' }, { name: 'raw' }] });
    await balancer.stop();
    expect(balancer.ledger()).toMatchObject({ inFlight: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0 });
    await expect(ask(port)).rejects.toThrow();
  });

  it('hold a limit to the unit together', async () => {
    const origin = await holdingOrigin();
    const { port, balancer } = await startCrew({ backends: [{ url: origin.url, maxInFlight: 5 }] });
    const answers = Array.from({ length: 40 }, () => ask(port));
    const settled = Promise.allSettled(answers);
    await until(() => origin.held.length === 5);
    const refused = await Promise.all(answers.map(async (answer) => Promise.race([answer.then(({ status }) => status), new Promise<number>((resolve) => setTimeout(resolve, 300, 0))])));
    expect(refused.filter((status) => status === 503)).toHaveLength(35);
    await until(() => balancer.ledger().inFlight === 5);
    origin.release();
    await settled;
    expect(origin.most).toBe(5);
    await until(() => balancer.ledger().inFlight === 0);
  });

  it('count failures of real traffic together, and hear of the flip both; main hears it once', async () => {
    let isGood = false;
    const failing = await httpOrigin((_request, response) => response.writeHead(isGood ? 200 : 503).end());
    const well = await namedOrigin('well');
    const { port, lines, balancer } = await startCrew({ backends: [failing.url, well.url], failures: 4, ejectMs: 300 });
    const health = (): string[] => balancer.describe().pools[0]!.backends.map((backend) => backend.health);
    const byWorker = new Map<string, number>();
    while (health()[0] !== 'down') {
      const { status, worker } = await ask(port);
      if (status === 503) byWorker.set(worker, (byWorker.get(worker) ?? 0) + 1);
    }
    expect([...byWorker.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4);
    await until(() => lines.filter(({ msg, heard }) => msg === 'behave heard a flip' && heard === 'down').length === 2);
    expect(lines.filter(({ msg, heard }) => msg === 'main heard a flip' && heard === 'down')).toHaveLength(1);
    expect(new Set(lines.filter(({ msg, heard }) => msg === 'behave heard a flip' && heard === 'down').map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    isGood = true;
    for (let count = 0; count < 10; count++) expect((await ask(port)).status).toBe(200);
    await until(() => health()[0] === 'up');
  });

  it('show their numbers as one, plugins of their own too', async () => {
    const { url } = await namedOrigin('x');
    const { port, balancer } = await startCrew({ backends: [url], metrics: true });
    await askBoth(port);
    const before = balancer.ledger().leasesOpened;
    expect(before).toBeGreaterThanOrEqual(0);
    for (let count = 0; count < 20; count++) await ask(port);
    const metrics = await (await fetch(`http://127.0.0.1:${balancer.describe().served[0]!.port}/metrics`)).text();
    const requests = Number(/^steelyard_requests_total\{listener="web",route="web",code="2xx"\} (\d+)$/m.exec(metrics)![1]);
    expect(requests).toBeGreaterThanOrEqual(22);
    expect(metrics).toMatch(new RegExp(`^steelyard_behave_seen_total ${requests}$`, 'm'));
    expect(metrics).toMatch(/^nodejs_heap_size_used_bytes\{thread="worker-2"\} \d+$/m);
  });
});

describe('a start', () => {
  it('is refused when the port is in use, also by a process that would share it', async () => {
    const holder = net.createServer();
    holder.listen({ port: 0, host: '127.0.0.1', reusePort: true });
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as net.AddressInfo;
    const { SharedPorts } = await import('../../core/src/workers/ports.ts');
    const { NodeSocketEngine } = await import('../../core/src/sockets/node-sockets.ts');
    const ports = new SharedPorts(new NodeSocketEngine());
    await expect(ports.find([{ name: 'web', host: '127.0.0.1', port, backlog: 511 } as never])).rejects.toMatchObject({ code: 'ERR_LISTEN', message: expect.stringContaining('in use') as string });
  });

  it('is refused when the config comes out differently in two threads, and says where', async () => {
    want({ backends: ['http://127.0.0.1:9'], differs: true });
    const { balancer } = crewOf();
    await expect(balancer.start()).rejects.toMatchObject({ code: 'ERR_CONFIG', message: expect.stringMatching(/gives another result each time it is loaded: listeners\[0\]\.timeouts\.idleMs/) as string });
  });

  it('is refused when a plugin fails in any worker, with what it said', async () => {
    for (const fails of ['in main', 'everywhere', 'later'] as const) {
      want({ backends: ['http://127.0.0.1:9'], fails });
      const { balancer } = crewOf();
      await expect(balancer.start(), fails).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE', cause: { message: expect.stringContaining('this plugin fails') as string } });
    }
  });
});

describe('a reload', () => {
  it('reaches both workers, and loses no request of a hundred connections', async () => {
    const { url } = await namedOrigin('x');
    const { port, balancer } = await startCrew({ backends: [url], mark: 'first' });
    let isOver = false;
    const statuses: number[] = [];
    const clients = Array.from({ length: 50 }, async () => {
      const agent = new http.Agent({ keepAlive: true });
      while (!isOver) {
        statuses.push(await new Promise<number>((resolve) => {
          http.get({ port, host: '127.0.0.1', agent }, (response) => response.resume().on('end', () => resolve(response.statusCode!)).on('error', () => resolve(-1))).on('error', () => resolve(-2));
        }));
        statuses.push((await ask(port)).status);
      }
      agent.destroy();
    });
    for (const mark of ['second', 'third', 'fourth']) {
      want({ backends: [url], mark });
      await balancer.reload();
    }
    isOver = true;
    await Promise.all(clients);
    expect(statuses.length).toBeGreaterThan(100);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    await until(async () => [...(await askBoth(port)).values()].every(({ mark }) => mark === 'fourth'));
  });

  it.each(['in main', 'everywhere', 'later'] as const)('that fails %s is refused for all: the config of before goes on', async (fails) => {
    const { url } = await namedOrigin('x');
    const { port, balancer } = await startCrew({ backends: [url], mark: 'good' });
    want({ backends: [url], mark: 'bad', fails });
    await expect(balancer.reload()).rejects.toMatchObject({ code: 'ERR_PLUGIN_CREATE' });
    expect([...(await askBoth(port)).values()].map(({ mark }) => mark)).toEqual(['good', 'good']);
    want({ backends: [url], mark: 'better' });
    await balancer.reload();
    expect([...(await askBoth(port)).values()].map(({ mark }) => mark)).toEqual(['better', 'better']);
  });

  it('that would take every worker down costs one: the others serve on', async () => {
    // Long enough that a worker which merely waits for a busy machine's processor is not taken for one that loops.
    const stallLimitMs = 1_500;
    const { url } = await namedOrigin('x');
    const { port, balancer, line } = await startCrew({ backends: [url], mark: 'good', stallLimitMs });
    want({ backends: [url], fails: 'by looping', stallLimitMs });
    const reload = balancer.reload().catch((error: unknown) => error);
    let served = 0;
    while ((await Promise.race([reload, Promise.resolve('waits')])) === 'waits') {
      // What the system gives to the one that loops is lost with it.
      const answer = await ask(port).catch(() => undefined);
      if (answer === undefined) continue;
      expect(answer.mark).toBe('good');
      served++;
    }
    expect(await reload).toMatchObject({ code: 'ERR_WORKER', message: expect.stringContaining('silent') as string });
    expect(served).toBeGreaterThan(0);
    want({ backends: [url], mark: 'good', stallLimitMs });
    await line(({ msg }) => msg.includes('was replaced'));
    await askBoth(port);
  });

  it('follows members: those that left finish, those that came are used, and rows of the scoreboard are used again', async () => {
    const old = await holdingOrigin();
    const fresh = await namedOrigin('fresh');
    const { port, balancer } = await startCrew({ backends: [old.url] });
    const held = ask(port);
    await until(() => old.held.length === 1);
    want({ backends: [fresh.url] });
    await balancer.reload();
    for (const answer of (await askBoth(port)).values()) expect(answer.text).toContain('fresh');
    // Another thread closes a lease when it likes, also after its client has everything.
    await until(() => balancer.ledger().inFlight === 1);
    old.release();
    expect((await held).text).toBe('held');
    await until(() => balancer.ledger().inFlight === 0);
  });
});
