import { describe, expect, it, test } from 'vitest';
import leastConnections from '@steelyard/plugins/least-connections';
import roundRobin from '@steelyard/plugins/round-robin';
import orca from '@steelyard/plugins/orca';
import subset from '@steelyard/plugins/subset';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';
import { defineStrategy } from '@steelyard/sdk';
import trace, { type TraceOptions } from '@steelyard/plugins/trace';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import { start } from '../e2e/support/balancer.ts';
import { sendRaw } from '../e2e/support/client.ts';
import { scriptedOrigin } from '../e2e/support/origin.ts';

testStrategy(trace({ over: leastConnections(), allow: ['192.0.2.0/24'] }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

describe('trace', () => {
  const started = (options: Partial<TraceOptions> = {}) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(trace({ over: roundRobin(), logShare: 0, ...options }), w);
    const backends = w.backends([{ id: 'a' }, { id: 'b', health: 'down' }, { id: 'c', draining: true }, { id: 'd', maxInFlight: 2, inFlight: 2 }, { id: 'e' }, { id: 'f', inFlight: 3 }]);
    strategy.update(backends);
    strategy.pool.tried.add(backends[4]!);
    const headerOf = (spec: object = {}) => {
      const lease = strategy.pick(w.exchange({ headers: {}, ...spec }))!;
      const head = w.responseHead();
      strategy.instance.onHead!(lease, head);
      lease.end();
      return head.header('x-steelyard-trace');
    };
    return { w, strategy, headerOf };
  };
  const text = 'picked=a; by=round-robin; eligible=a(in-flight 0),f(in-flight 3); excluded=b(down),c(draining),d(at its limit of 2),e(tried before)';

  it('shows a permitted client who was eligible, and who was not and why', () => {
    expect(started({ allow: ['192.0.2.1'] }).headerOf()).toBe(text);
    expect(started({ allow: ['10.0.0.0/8', '192.0.2.0/24'] }).headerOf()).toBe(text);
  });
  it('shows what the strategy compared by, as it was before the pick', () => {
    const least = started({ over: leastConnections(), allow: ['192.0.2.1'] });
    least.strategy.update(least.strategy.members.map(({ backend }) => ({ backend, weight: 7 })));
    expect(least.headerOf()).toContain('picked=a; by=least-connections; eligible=a(in-flight 0 score 0),f(in-flight 3 score 0.4286);');
    const order = started({ over: weightedRoundRobin(), logShare: 1 });
    order.strategy.select();
    order.strategy.select();
    expect(order.strategy.host.lines.map(({ fields }) => fields)).toMatchObject([
      { picked: 'a', eligible: [{ id: 'a', score: -1 }, { id: 'f', score: -1 }] }, { picked: 'f', eligible: [{ id: 'a', score: 0 }, { id: 'f', score: -2 }] },
    ]);
  });
  it('shows the scores of what is deep inside, with the weights that it was given there', () => {
    const { headerOf } = started({ over: orca({ over: subset({ over: leastConnections({ shortestExpectedDelay: true }), size: 6 }) }), allow: ['192.0.2.1'] });
    expect(headerOf()).toContain('eligible=a(in-flight 0 score 1),f(in-flight 3 score 4);');
  });
  it('shows no score that is no number, and none of a strategy that has none', () => {
    const odd = (score: unknown) => defineStrategy<{}>({ name: 'odd', options: {}, create: () => ({ update() {}, select: (_exchange, pool) => pool.backends[0], score: () => score as number }) })();
    for (const score of [Number.NaN, Infinity, '1', undefined]) expect(started({ over: odd(score), allow: ['192.0.2.1'] }).headerOf()).toContain('eligible=a(in-flight 0),f(in-flight 3);');
  });
  it('shows nothing to anybody else', () => {
    expect(started().headerOf()).toBeUndefined();
    expect(started({ allow: ['10.0.0.0/8', '2001:db8::/32'] }).headerOf()).toBeUndefined();
  });
  it('logs a share of the picks', () => {
    const all = started({ logShare: 1 });
    all.strategy.select();
    expect(all.strategy.host.lines[0]).toMatchObject({ level: 'info', message: 'picked', fields: { pool: 'api', attempt: 1, strategy: 'round-robin', picked: 'a', eligible: [{ id: 'a', inFlight: 0 }, { id: 'f', inFlight: 3 }], more: 0 } });
    const some = started({ logShare: 0.25 });
    for (let i = 0; i < 1_000; i++) some.strategy.select();
    expect(Math.abs(some.strategy.host.lines.length - 250)).toBeLessThan(105); // Hoeffding, 1e-9
  });
  it('keeps its lists short in a large pool', () => {
    const w = world();
    const strategy = strategyUnderTest(trace({ over: roundRobin(), logShare: 1 }), w);
    strategy.update(w.backends(1_000));
    strategy.select();
    expect(strategy.host.lines[0]!.fields).toMatchObject({ more: 984 });
    expect(JSON.stringify(strategy.host.lines[0]!.fields).length).toBeLessThan(2_000);
  });
  it('refuses what is no address', () => {
    for (const entry of ['localhost', '10.0.0.0/33', '::/129', '10.0.0.0/x', '']) expect(() => started({ allow: [entry] })).toThrow('no CIDR range');
  });
  it('traces tcp connections in the log, where there is no header to set', () => {
    const { w, strategy } = started({ allow: ['0.0.0.0/0'], logShare: 1 });
    strategy.pick(w.exchange({ protocol: 'tcp' }))!.end();
    expect(strategy.host.lines).toHaveLength(1);
  });
  it('sends the header over real sockets to whom it may, and to nobody else', async () => {
    const { url } = await scriptedOrigin(['HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n']);
    const listener = { port: 0, host: '127.0.0.1', pool: 'web', trustedProxies: ['127.0.0.1'] };
    const { port } = await start({ listeners: [listener], pools: { web: { backends: [url], strategy: trace({ over: leastConnections(), logShare: 0, allow: ['192.0.2.0/24'] }) } } });
    const ask = (client: string): Promise<string> => sendRaw(port, `GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${client}\r\nConnection: close\r\n\r\n`);
    expect(await ask('192.0.2.9')).toContain(`x-steelyard-trace: picked=web/${url}; by=least-connections; eligible=web/${url}(in-flight 0 score 0)\r\n`);
    expect(await ask('198.51.100.9')).not.toContain('x-steelyard-trace');
  });
});
