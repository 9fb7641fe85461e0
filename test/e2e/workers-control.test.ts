/** What main decides and all workers do: members, limits, health, metrics, the log; and the end of it at any moment. Real threads, real sockets. */
import http from 'node:http';
import { describe, expect, it } from 'vitest';
import { httpOrigin, namedOrigin } from './support/origin.ts';
import type { Discovered } from './workers/balancer.config.ts';
import { ask, askBoth, holdingOrigin, startCrew, until, want, type Answer, type Crew } from './workers/support.ts';

/** A kept connection, which stays with one worker. */
function keeper(port: number) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const get = (path = '/'): Promise<Pick<Answer, 'status' | 'worker'>> => new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', agent, path }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode!, worker: String(response.headers['x-worker']) })).on('error', reject);
    }).on('error', reject);
  });
  return { get, close: () => agent.destroy() };
}

/** A kept connection to each of two workers. */
async function keepers(port: number) {
  const found = new Map<string, ReturnType<typeof keeper>>();
  while (found.size < 2) {
    const one = keeper(port);
    const { worker } = await one.get();
    if (found.has(worker)) one.close();
    else found.set(worker, one);
  }
  return [...found.values()] as [ReturnType<typeof keeper>, ReturnType<typeof keeper>];
}

function discovering(list: Discovered['list']): Discovered {
  const discovered: Discovered = { list };
  Object.assign(globalThis, { discovered });
  return discovered;
}

const textOf = async (port: number): Promise<string[]> => [...new Set([...(await askBoth(port)).values()].map(({ text }) => text))];
const healthOf = ({ balancer }: Crew): string => balancer.describe().pools[0]!.backends[0]!.health;

async function metricsOf({ balancer }: Crew): Promise<string> {
  return (await fetch(`http://127.0.0.1:${balancer.describe().served[0]!.port}/metrics`)).text();
}
const sumOf = (metrics: string, name: string): number =>
  metrics.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);

describe('a discovery in main', () => {
  it('changes members, drain and limits in every worker, also hundreds of times under load', async () => {
    const [a, b] = [await namedOrigin('a'), await namedOrigin('b')];
    const discovered = discovering([a.url]);
    const { port, balancer } = await startCrew({ backends: [], discovers: true, strategy: 'round-robin' });
    expect(await textOf(port)).toEqual(['a']);
    discovered.update!([{ url: a.url, drain: true }, b.url]);
    expect(await textOf(port)).toEqual(['b']);
    discovered.update!([a.url]);
    expect(await textOf(port)).toEqual(['a']);

    const statuses: number[] = [];
    let isOver = false;
    const clients = Array.from({ length: 16 }, async () => {
      const client = keeper(port);
      while (!isOver) statuses.push((await client.get()).status);
      client.close();
    });
    for (let round = 0; round < 300; round++) {
      discovered.update!([round % 2 === 0 ? b.url : a.url]);
      const before = statuses.length;
      if (round % 10 === 0) await until(() => statuses.length > before);
    }
    // While a reload is under way as well: the newest list is everybody's.
    const reload = balancer.reload();
    discovered.list = [b.url];
    discovered.update!([b.url]);
    await reload;
    isOver = true;
    await Promise.all(clients);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    discovered.update!([b.url]);
    expect(await textOf(port)).toEqual(['b']);
    await until(() => balancer.ledger().inFlight === 0);
  });
});

describe('what is counted over all workers', () => {
  it('spreads by the load of all: the least loaded backend is the same for each of them', async () => {
    const [first, second] = [await holdingOrigin(), await holdingOrigin()];
    const { port } = await startCrew({ backends: [first.url, second.url] });
    const asked: Promise<unknown>[] = [];
    for (let count = 1; count <= 20; count++) {
      asked.push(ask(port));
      await until(() => first.held.length + second.held.length === count);
    }
    expect([first.held.length, second.held.length]).toEqual([10, 10]);
    first.release();
    second.release();
    await Promise.all(asked);
  });

  it('takes a backend out after failures that no worker alone saw, and lets it in everywhere when its time is over', async () => {
    let status = 200;
    const origin = await httpOrigin((_request, response) => response.writeHead(status).end());
    // The last backend that is well is never taken out: this one is, and has room for one exchange, which it holds.
    const full = await holdingOrigin();
    const crew = await startCrew({ backends: [origin.url, { url: full.url, maxInFlight: 1 }], failures: 5, ejectMs: 400, strategy: 'round-robin' });
    let answered = 0;
    const holds = Promise.all(Array.from({ length: 4 }, () => ask(crew.port).then(() => answered++)));
    // A good answer that is told late would end the row of failures.
    await until(() => full.held.length === 1 && answered === 3);
    const [one, other] = await keepers(crew.port);
    status = 503;
    for (const client of [one, other, one, other]) expect((await client.get()).status).toBe(503);
    expect(healthOf(crew)).not.toBe('down');
    await one.get();
    const down = await crew.line(({ msg }) => msg.includes(' is down: '));
    expect(down.msg).toMatch(/5 failures/);
    status = 200;
    // Traffic had told that it is up before.
    const since = crew.lines.indexOf(down);
    const heardUp = (who: string): number => crew.lines.slice(since).filter(({ msg, heard }) => msg === `${who} heard a flip` && heard === 'up').length;
    await until(() => heardUp('main') === 1);
    expect([(await one.get()).status, (await other.get()).status]).toEqual([200, 200]);
    await until(() => heardUp('behave') === 2);
    one.close();
    other.close();
    full.release();
    await holds;
  });
});

describe('an active check', () => {
  it('is made by main alone; its flips reach each worker, and its mark outlives a reload', async () => {
    let isWell = true;
    let probes = 0;
    let open = 0;
    let atOnce = 0;
    const probed = (response: http.ServerResponse): void => {
      probes++;
      atOnce = Math.max(atOnce, ++open);
      setTimeout(() => {
        open--;
        response.writeHead(isWell ? 200 : 500).end();
      }, 5);
    };
    const origin = await httpOrigin((request, response) => {
      if (request.url === '/healthz') probed(response);
      else response.end();
    });
    const crew = await startCrew({ backends: [origin.url], checks: true });
    const { port, balancer, line, lines } = crew;
    expect([...(await askBoth(port)).values()].map(({ status }) => status)).toEqual([200, 200]);
    isWell = false;
    await line(({ heard }) => heard === 'down');
    const refused: number[] = [];
    for (let count = 0; count < 20; count++) refused.push((await ask(port)).status);
    expect(new Set(refused)).toEqual(new Set([503]));
    await until(() => new Set(lines.filter(({ heard, msg }) => heard === 'down' && msg.startsWith('behave')).map(({ worker }) => worker)).size === 2);
    want({ backends: [origin.url], checks: true, mark: 'second' });
    await balancer.reload();
    expect(healthOf(crew)).toBe('down');
    expect((await ask(port)).status).toBe(503);
    expect(lines.filter(({ heard, msg }) => heard === 'down' && msg.startsWith('main'))).toHaveLength(1);
    expect(atOnce).toBe(1);
    expect(probes).toBeGreaterThan(1);
    isWell = true;
    await until(() => healthOf(crew) === 'up');
    expect([...(await askBoth(port)).values()].map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a scrape', () => {
  it('is exact once all is quiet, is not held up by a worker that stalls, and no counter falls when that one is gone', async () => {
    const { url } = await namedOrigin('x');
    const crew = await startCrew({ backends: [url], metrics: true, stallLimitMs: 2_500 });
    const { port, balancer, line, lines } = crew;
    await askBoth(port);
    const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await ask(port)).status));
    expect(statuses.every((status) => status === 200)).toBe(true);
    await until(() => balancer.ledger().leasesClosed === balancer.ledger().leasesOpened);
    const quiet = await metricsOf(crew);
    const total = sumOf(quiet, 'steelyard_requests_total');
    expect(total).toBeGreaterThanOrEqual(52);
    expect(sumOf(quiet, 'steelyard_behave_seen_total')).toBe(total);
    for (let count = 0; count < 10; count++) await ask(port);
    expect(sumOf(await metricsOf(crew), 'steelyard_requests_total')).toBe(total + 10);

    const spinning = ask(port, '/spin').catch(() => undefined);
    await line(({ msg }) => msg === 'about to spin');
    const stalled = await metricsOf(crew);
    // It was waited for a second, and not until its end.
    expect(lines.filter(({ msg }) => msg.includes('has ended'))).toEqual([]);
    expect(sumOf(stalled, 'steelyard_behave_seen_total')).toBeGreaterThanOrEqual(total + 10);
    await line(({ msg }) => msg.includes('was replaced'));
    await spinning;
    await askBoth(port);
    const after = await metricsOf(crew);
    for (const name of ['steelyard_requests_total', 'steelyard_behave_seen_total']) expect(sumOf(after, name)).toBeGreaterThanOrEqual(sumOf(stalled, name));
    await until(async () => sumOf(await metricsOf(crew), 'steelyard_connections_open') === 0);
  });
});

describe('all workers', () => {
  it('may end at once: there is service again within seconds', async () => {
    const { url } = await namedOrigin('x');
    const { port, lines, balancer } = await startCrew({ backends: [url] });
    const ended = (): number => lines.filter(({ msg }) => msg.includes('ended with code 3')).length;
    while (ended() < 2) await ask(port, '/exit').catch(() => {});
    await until(() => lines.filter(({ msg }) => msg.includes('was replaced')).length >= 2);
    await askBoth(port);
    await until(() => balancer.ledger().inFlight === 0);
  });
});

describe('a stop', () => {
  it.each([
    ['while a worker is being replaced', async ({ port, line }: Crew) => {
      await ask(port, '/exit').catch(() => {});
      await line(({ msg }) => msg.includes('ended with code 3'));
    }],
    ['while a worker stalls', async ({ port, line }: Crew) => {
      void ask(port, '/spin').catch(() => {});
      await line(({ msg }) => msg === 'about to spin');
    }],
    ['while a reload is under way', ({ balancer }: Crew) => {
      void balancer.reload();
      return Promise.resolve();
    }],
    ['while a worker drains because of its wound', async (crew: Crew) => {
      await ask(crew.port, '/throw');
      await crew.line(({ msg }) => msg.includes('uncaught exception'));
    }],
  ] as const)('comes to its end %s, and leaves nothing open', async (_when, bring) => {
    const { url } = await namedOrigin('x');
    const crew = await startCrew({ backends: [url], stallLimitMs: 400 });
    await bring(crew);
    await crew.balancer.stop({ drainLimitMs: 200 });
    expect(crew.balancer.ledger()).toMatchObject({ inFlight: 0, clientConnections: 0, upstreamConnections: 0, deadlines: 0 });
    await expect(ask(crew.port)).rejects.toThrow();
  });
});

describe('the log of an embedding program', () => {
  it('gets the lines of the workers with their level, their fields and the worker', async () => {
    const { url } = await namedOrigin('x');
    const { port, line } = await startCrew({ backends: [url] });
    await ask(port, '/chatter');
    const told = await line(({ msg, line: count }) => msg === 'chatter' && count === 99);
    expect(told).toMatchObject({ level: 30, plugin: 'behave', worker: expect.any(Number) as number, filling: 'x'.repeat(99 * 30) });
  });
});
