import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import orca, { type OrcaOptions } from '@steelyard/plugins/orca';
import random from '@steelyard/plugins/random';
import weightedRoundRobin from '@steelyard/plugins/weighted-round-robin';
import { answered, strategyUnderTest, testStrategy, world, type FakeBackend } from '@steelyard/sdk/testkit';
import { completed, LoadWeight } from '../../plugins/orca/load-weight.ts';
import { parseReport } from '../../plugins/orca/report.ts';
import { start } from '../e2e/support/balancer.ts';
import { sendRaw } from '../e2e/support/client.ts';
import { scriptedOrigin } from '../e2e/support/origin.ts';

testStrategy(orca({ over: weightedRoundRobin() }), { test, properties: { weighted: 'exactly', smooth: true } });
describe('over random', () => void testStrategy(orca({ over: random() }), { test }));

/** A protobuf message of doubles. */
function binary(fields: Readonly<Record<number, number>>, before: readonly number[] = []): string {
  const parts = Object.entries(fields).map(([field, value]) => {
    const bytes = Buffer.alloc(9);
    bytes[0] = Number(field) * 8 + 1;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  });
  return Buffer.concat([Buffer.from(before), ...parts]).toString('base64');
}

describe('a report', () => {
  const whole = { cpuUtilization: 0.3, applicationUtilization: 0.5, rps: 120.5, eps: 2 };
  it.each([
    ['TEXT cpu_utilization=0.3,application_utilization=0.5,rps_fractional=120.5,eps=2,named_metrics.x=7'],
    ['TEXT cpu_utilization=0.3, application_utilization = 0.5, rps_fractional=120.5, eps=2'],
    ['JSON {"cpu_utilization": 0.3, "applicationUtilization": 0.5, "rpsFractional": 120.5, "eps": 2, "named_metrics": {"x": 1}}'],
    [`BIN ${binary({ 1: 0.3, 6: 120.5, 7: 2, 9: 0.5 }, [24, 0xac, 2, 34, 2, 1, 1, 45, 0, 0, 0, 0])}`],
  ])('is read from %s', (text) => {
    expect(parseReport(text)).toEqual(whole);
  });
  it('is read from the binary header', () => {
    expect(parseReport(binary({ 1: 0.25 }), true)).toEqual({ cpuUtilization: 0.25, applicationUtilization: 0, rps: 0, eps: 0 });
  });
  it.each(['', 'TEXT', 'TEXT ', 'cpu_utilization=0.3', 'TEXT cpu_utilization=x', 'TEXT cpu_utilization=-1', 'TEXT eps=Infinity', 'TEXT a=1', 'JSON', 'JSON 7', 'JSON null', 'JSON {', 'JSON {"eps":"-1"}', 'BIN CQ==', 'BIN /////w==', 'XML <a/>', `TEXT cpu_utilization=0.3${' '.repeat(20_000)}`])(
    'is none where it says %j', (text) => {
      expect(parseReport(text)).toBeUndefined();
    });
  it('of any bytes is read or refused', () => {
    fc.assert(fc.property(fc.constantFrom('TEXT ', 'JSON ', 'BIN ', ''), fc.oneof(fc.string(), fc.base64String()), (form, rest) => {
      const report = parseReport(form + rest, form === '');
      return report === undefined || Object.values(report).every((value) => value >= 0 && value < Infinity);
    }));
  });
});

describe('the weight', () => {
  const rules = { blackoutMs: 10_000, expiryMs: 180_000, errorPenalty: 1 };
  const report = { cpuUtilization: 0.5, applicationUtilization: 0, rps: 100, eps: 0 };
  const at = (now: number, ...taken: (readonly [number, Partial<typeof report>])[]) => {
    const weight = new LoadWeight();
    for (const [when, more] of taken) weight.take({ ...report, ...more }, when, rules);
    return weight.at(now, rules);
  };
  it('is the throughput per utilisation, the application’s word before the CPU’s, errors as load', () => {
    expect(at(10_000, [0, {}])).toBe(200);
    expect(at(10_000, [0, { applicationUtilization: 0.8 }])).toBe(125);
    expect(at(10_000, [0, { eps: 10 }])).toBeCloseTo(100 / 0.6, 9);
  });
  it('is unknown in the blackout after the first report, and when reports stop', () => {
    expect([at(9_999, [0, {}]), at(10_000, [0, {}]), at(179_999, [0, {}]), at(180_000, [0, {}])]).toEqual([0, 200, 200, 0]);
  });
  it('does not take reports that say nothing', () => {
    expect([at(10_000, [0, { rps: 0 }]), at(10_000, [0, { cpuUtilization: 0 }])]).toEqual([0, 0]);
  });
  it('begins with a blackout again after it was away, or silent', () => {
    const weight = new LoadWeight();
    weight.take(report, 0, rules);
    weight.restart();
    weight.take(report, 20_000, rules);
    expect([weight.at(29_999, rules), weight.at(30_000, rules)]).toEqual([0, 200]);
    expect(weight.at(500_000, rules)).toBe(0);
    weight.take(report, 500_001, rules);
    expect(weight.at(500_002, rules)).toBe(0);
  });
  it.each([[[10, 30, 0], [1, 3, 2]], [[10, 0, 0], [1, 1, 1]], [[0, 0], [1, 1]], [[], []]])('of %j in a pool becomes %j', (weights, expected) => {
    expect(completed(weights)).toEqual(expected);
  });
  it('of one is ten times the median of all at the most, and a hundredth of it at least: a report may be a lie', () => {
    expect(completed([1e300, 10, 20, 30])).toEqual([10, 0.5, 1, 1.5]);
    expect(completed([1e9, 10])).toEqual([10, 1]);
    expect(completed([1e-300, 10, 20, 0])).toEqual([0.01, 1, 2, 1.0033333333333332]);
  });
  it('is a number for whatever is reported, and errors are a share of the requests', () => {
    const number = fc.oneof(fc.constantFrom(0, Number.MIN_VALUE, 1e-300, 1, 1e300, Number.MAX_VALUE), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }));
    fc.assert(fc.property(fc.array(fc.record({ cpuUtilization: number, applicationUtilization: number, rps: number, eps: number }), { minLength: 2, maxLength: 9 }), (reports) => {
      const weights = completed(reports.map((given) => at(10_000, [0, given])));
      expect(weights.every((weight) => weight >= 0.01 && weight <= 10)).toBe(true);
    }));
    expect(at(10_000, [0, { eps: 1e300 }])).toBeCloseTo(100 / 1.5, 9);
  });
});

describe('orca', () => {
  const started = (options: Partial<OrcaOptions> = {}) => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(orca({ over: weightedRoundRobin(), blackoutMs: 0, ...options }), w);
    const [a, b] = w.backends([{ id: 'a' }, { id: 'b' }]) as [FakeBackend, FakeBackend];
    strategy.update([a, b]);
    const reports = (backend: FakeBackend, text: string, name = 'Endpoint-Load-Metrics') => {
      const lease = strategy.open(backend);
      const head = w.responseHead(200, { [name]: text });
      strategy.instance.onHead!(lease, head);
      lease.end();
      return head.header(name);
    };
    const counts = (count: number) => strategy.picks(count).filter((backend) => backend === a).length;
    return { w, strategy, a, b, reports, counts };
  };

  it('shares by the reported weights from the next update on', () => {
    const { w, a, b, reports, counts } = started();
    reports(a, 'TEXT cpu_utilization=0.5,rps_fractional=300');
    reports(b, 'TEXT cpu_utilization=0.5,rps_fractional=100');
    expect(counts(40)).toBe(20);
    w.advance(1_000);
    expect(counts(40)).toBe(30);
  });
  it.each([1e-22, 1e-20, 1e-10])('comes back to shares by weight after a backend reported next to no throughput: %d requests per second', (rps) => {
    const { w, reports, a, b, counts } = started();
    for (const backend of [a, b]) reports(backend, 'TEXT cpu_utilization=0.5,rps_fractional=100');
    w.advance(1_000);
    reports(a, `TEXT cpu_utilization=1e300,rps_fractional=${rps}`);
    w.advance(1_000);
    counts(7);
    reports(a, 'TEXT cpu_utilization=0.5,rps_fractional=300');
    w.advance(1_000);
    expect(Math.abs(counts(400) - 300)).toBeLessThanOrEqual(2);
  });
  it('multiplies the configured weights', () => {
    const { w, strategy, a, b, reports, counts } = started();
    strategy.update([{ backend: a, weight: 1 }, { backend: b, weight: 3 }]);
    for (const backend of [a, b]) reports(backend, 'TEXT cpu_utilization=0.5,rps_fractional=100');
    w.advance(1_000);
    expect(counts(40)).toBe(10);
  });
  it('takes the report out of the response, or leaves it when told so', () => {
    const { reports, a } = started();
    expect([reports(a, 'TEXT cpu_utilization=0.5'), reports(a, binary({ 1: 0.5 }), 'endpoint-load-metrics-bin')]).toEqual([undefined, undefined]);
    const open = started({ strip: false });
    expect(open.reports(open.a, 'TEXT cpu_utilization=0.5')).toBe('TEXT cpu_utilization=0.5');
  });
  it('counts what it cannot read', () => {
    const { strategy, reports, a } = started();
    reports(a, 'cpu=lots');
    strategy.open(a).end(answered(200, { trailers: { 'Endpoint-Load-Metrics-Bin': 'cpu=lots' } }));
    expect(strategy.host.metrics.value('orca_bad_reports_total', 'a')).toBe(2);
  });
  it('reads reports behind the body, as gRPC sends them', () => {
    const { w, strategy, a, b, counts } = started();
    strategy.open(a).end(answered(200, { trailers: { 'endpoint-load-metrics-bin': binary({ 1: 0.5, 6: 300 }) } }));
    strategy.open(b).end(answered(200, { trailers: { 'Endpoint-Load-Metrics': 'TEXT cpu_utilization=0.5,rps_fractional=100', other: '1' } }));
    w.advance(1_000);
    expect(counts(40)).toBe(30);
  });
  it.each([[true, '0\r\nOther: 1\r\n\r\n'], [false, '0\r\nEndpoint-Load-Metrics: TEXT cpu_utilization=0.5,rps_fractional=9\r\nOther: 1\r\n\r\n']])(
    'takes them out there too, on real sockets: %s', async (strip, expected) => {
      const report = 'Endpoint-Load-Metrics: TEXT cpu_utilization=0.5,rps_fractional=9\r\n';
      const { url } = await scriptedOrigin([`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n${report}Other: 1\r\n\r\n`]);
      const { port } = await start({
        listeners: [{ port: 0, host: '127.0.0.1', pool: 'web' }], pools: { web: { backends: [url], strategy: orca({ over: weightedRoundRobin(), strip }) } },
      });
      expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(expected);
    });
  it('keeps the weights when members come and go, and over a reload', () => {
    const { w, strategy, a, b, reports } = started();
    reports(a, 'TEXT cpu_utilization=0.5,rps_fractional=300');
    reports(b, 'TEXT cpu_utilization=0.5,rps_fractional=100');
    const next = strategy.reload();
    expect(next.picks(40).filter((backend) => backend === a)).toHaveLength(30);
    next.update([a, b, w.backends([{ id: 'c' }])[0]!]);
    // c gets the mean of 600 and 200.
    expect(next.picks(60).filter((backend) => backend!.id === 'c')).toHaveLength(20);
  });
});
