import { describe, expect, it, test } from 'vitest';
import first from '@steelyard/plugins/first';
import leastConnections from '@steelyard/plugins/least-connections';
import peakEwma from '@steelyard/plugins/peak-ewma';
import roundRobin from '@steelyard/plugins/round-robin';
import script from '@steelyard/plugins/script';
import shadow from '@steelyard/plugins/shadow';
import { answered, strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { bytesPerPick } from './pick-bytes.ts';
import { defineStrategy, type AnyStrategyUse, type Exchange, type HttpExchange, type Lease, type StrategyInstance } from '@steelyard/sdk';

testStrategy(shadow({ over: leastConnections(), candidate: roundRobin() }), { test, properties: { leastLoaded: true, avoidsMostLoaded: true } });

describe('shadow', () => {
  const started = (over: AnyStrategyUse, candidate: AnyStrategyUse) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(shadow({ over, candidate }), w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    const value = (name: string, ...labels: string[]) => strategy.host.metrics.value(`shadow_${name}`, ...labels) ?? 0;
    return { w, strategy, a, b, value };
  };

  it('obeys the one and counts where the other agrees', () => {
    const { strategy, value } = started(first(), roundRobin());
    expect(strategy.picks(4).map((backend) => backend!.id)).toEqual(['a', 'a', 'a', 'a']);
    expect([value('picks_total', 'api', 'first', 'round-robin', 'yes'), value('picks_total', 'api', 'first', 'round-robin', 'no')]).toEqual([2, 2]);
    expect([value('candidate_picks_total', 'api', 'a'), value('candidate_picks_total', 'api', 'b')]).toEqual([2, 2]);
  });
  it('estimates what following the other would have gained or lost, by how fast the backends answered lately', () => {
    const gains = started(first(), roundRobin());
    gains.strategy.open(gains.a).end(answered(200, { firstByteMs: 300 }));
    gains.strategy.open(gains.b).end(answered(200, { firstByteMs: 100 }));
    gains.strategy.select();
    gains.strategy.select();
    expect(gains.value('estimated_gain_seconds_total', 'api', 'first', 'round-robin')).toBeCloseTo(0.2, 9);
    expect(gains.value('estimated_loss_seconds_total', 'api', 'first', 'round-robin')).toBe(0);
  });
  it('tells the other of every request, so that it knows the load it did not make', () => {
    const { w, strategy, a, b, value } = started(script({ select: () => a }), peakEwma());
    for (const [backend, firstByteMs] of [[a, 500], [b, 5]] as const) strategy.open(backend).end(answered(200, { firstByteMs }));
    for (let i = 0; i < 3; i++) strategy.select(w.exchange());
    expect(value('candidate_picks_total', 'api', 'b')).toBe(3);
  });
  it('counts a candidate without an opinion', () => {
    const { strategy, value } = started(first(), script({ select: () => undefined }));
    strategy.select();
    expect(value('picks_total', 'api', 'first', 'script', 'none')).toBe(1);
  });
  it('lets the other read the response and change nothing', () => {
    let status = 0;
    const meddler = defineStrategy<{}>({
      name: 'meddler', options: {},
      create: (): StrategyInstance => ({
        update() {}, select: () => undefined,
        onHead(_lease, head) {
          status = head.status;
          head.setHeader('x', '1');
          head.appendHeader('set-cookie', 'a=b');
          head.removeHeader('server');
        },
      }),
    });
    const { w, strategy } = started(first(), meddler());
    const head = w.responseHead(201, { server: 'origin' });
    strategy.instance.onHead!(strategy.pick()!, head);
    expect([status, head.headers()]).toEqual([201, [['server', 'origin']]]);
  });
  it('lets the other read the request, at the pick and through the lease, and change nothing', () => {
    const seen: unknown[] = [];
    const meddle = (exchange: Exchange): void => {
      const { request } = exchange as HttpExchange;
      seen.push([exchange.clientAddress, exchange.attempts, request.method, request.path, request.header('x-user'), request.headerValues('x-user'), exchange.route?.name]);
      request.setTarget('/stolen');
      request.setHeader('x-user', 'eve');
      request.appendHeader('x-role', 'admin');
      request.removeHeader('host');
    };
    const meddler = defineStrategy<{}>({
      name: 'meddler', options: {},
      create: (): StrategyInstance => ({
        update() {},
        select(exchange) {
          meddle(exchange);
          return undefined;
        },
        onStart: ({ exchange }) => meddle(exchange),
        onEnd: ({ exchange }) => meddle(exchange),
      }),
    });
    const { w, strategy } = started(first(), meddler());
    const exchange = w.exchange({ method: 'PUT', target: '/a?b', headers: { 'x-user': 'jo' }, clientAddress: '192.0.2.7' });
    const before = exchange.request.headers();
    strategy.pick(exchange)!.end();
    expect([exchange.request.target, exchange.request.headers()]).toEqual(['/a?b', before]);
    expect(seen).toEqual([1, 2, 3].map(() => ['192.0.2.7', exchange.attempts, 'PUT', '/a', 'jo', ['jo'], 'all']));
  });
  it('shows the other one lease from its begin to its end', () => {
    const leases: Lease[] = [];
    const watcher = defineStrategy<{}>({
      name: 'watcher', options: {},
      create: (): StrategyInstance => ({ update() {}, select: () => undefined, onStart: (lease) => void leases.push(lease), onHead: (lease) => void leases.push(lease), onEnd: (lease) => void leases.push(lease) }),
    });
    const { w, strategy, a } = started(first(), watcher());
    const [one, two] = [strategy.pick()!, strategy.pick()!];
    strategy.instance.onHead!(one, w.responseHead(200));
    one.end();
    const [begun, other, answeredLease, ended] = leases;
    expect([answeredLease, ended]).toEqual([begun, begun]);
    expect([begun!.slot, other!.slot, begun!.backend, begun!.startedAt]).toEqual([one.slot, two.slot, a, one.startedAt]);
  });
  it('allocates nothing in a pick, whether both agree or not', () => {
    expect(bytesPerPick(shadow({ over: first(), candidate: roundRobin() }), 0)).toBe(0);
  });
});
