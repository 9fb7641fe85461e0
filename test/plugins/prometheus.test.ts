import assert from 'node:assert/strict';
import { Gauge, Registry } from 'prom-client';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withDefaults } from '@steelyard/sdk';
import type { ExporterDefinition, MetricFamily } from '@steelyard/sdk';
import { world } from '@steelyard/sdk/testkit';
import type { FakeHost, World } from '@steelyard/sdk/testkit';
import prometheus from '@steelyard/plugins/prometheus';
import type { PrometheusOptions } from '@steelyard/plugins/prometheus';
import { CONTENT_TYPE, faultOf, renderFamilies } from '../../plugins/prometheus/text-format.ts';

const requests: MetricFamily = {
  name: 'steelyard_requests_total', help: 'Requests answered.', type: 'counter',
  samples: [{ labels: { pool: 'web', status: '2xx' }, value: 41 }, { labels: { pool: 'web', status: '5xx' }, value: 1 }],
};
const durations: MetricFamily = {
  name: 'steelyard_request_duration_seconds', help: 'From head to last byte.', type: 'histogram', bounds: [0.005, 0.1, 1],
  samples: [{ labels: { pool: 'web' }, counts: [3, 5, 6], count: 7, sum: 12.5 }, { labels: {}, counts: [0, 0, 0], count: 0, sum: 0 }],
};

describe('text format', () => {
  it('writes counters and gauges as HELP, TYPE and one line a series', () => {
    expect(renderFamilies([requests, { name: 'up', help: 'x', type: 'gauge', samples: [{ labels: {}, value: 0.5 }] }])).toBe(
      '# HELP steelyard_requests_total Requests answered.\n# TYPE steelyard_requests_total counter\n' +
        'steelyard_requests_total{pool="web",status="2xx"} 41\nsteelyard_requests_total{pool="web",status="5xx"} 1\n' +
        '# HELP up x\n# TYPE up gauge\nup 0.5\n',
    );
  });

  it('writes a histogram as cumulative buckets up to +Inf, then its sum and its count', () => {
    expect(renderFamilies([durations]).split('\n').slice(2, 8)).toEqual([
      'steelyard_request_duration_seconds_bucket{pool="web",le="0.005"} 3',
      'steelyard_request_duration_seconds_bucket{pool="web",le="0.1"} 5',
      'steelyard_request_duration_seconds_bucket{pool="web",le="1"} 6',
      'steelyard_request_duration_seconds_bucket{pool="web",le="+Inf"} 7',
      'steelyard_request_duration_seconds_sum{pool="web"} 12.5',
      'steelyard_request_duration_seconds_count{pool="web"} 7',
    ]);
  });

  it('writes the numbers that are no number as Go reads them', () => {
    const values = [Infinity, -Infinity, Number.NaN, 1e21, 1e-7, -0];
    const text = renderFamilies([{ name: 'n', help: '', type: 'gauge', samples: values.map((value, i) => ({ labels: { i: String(i) }, value })) }]);
    expect(text.split('\n').slice(2, -1).map((line) => line.split(' ')[1])).toEqual(['+Inf', '-Inf', 'NaN', '1e+21', '1e-7', '0']);
  });

  it('gives back every label value and help text, whatever is in it', () => {
    const byte = fc.integer({ min: 0, max: 0x2ff }).map((code) => String.fromCharCode(code));
    const nasty = fc.oneof(fc.string({ unit: byte }), fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\r', 'n', '}', ',', '=', ' ', '#', '\0', 'ä', '\u2028') }));
    fc.assert(
      fc.property(nasty, fc.uniqueArray(nasty, { maxLength: 5 }), nasty, (help, values, second) => {
        const samples = values.map((value, i) => ({ labels: { first: value, second }, value: i }));
        const [family, ...more] = parse(renderFamilies([{ name: 'nasty', help, type: 'gauge', samples }]));
        assert.deepEqual(more, []);
        assert.deepEqual(family, { name: 'nasty', help, type: 'gauge', series: samples.map((s) => ({ name: 'nasty', labels: s.labels, value: s.value })) });
      }),
    );
  });

  it('passes the checks that Prometheus makes of a scrape', () => {
    lint(renderFamilies([requests, durations]));
  });

  it('says the same as prom-client', async () => {
    const registry = new Registry();
    const labels = { pool: 'a"b\\c\nd', zone: 'é' };
    new Gauge({ name: 'load', help: 'one\\two\nthree', labelNames: ['pool', 'zone'], registers: [registry] }).set(labels, 3.25);
    expect(renderFamilies([{ name: 'load', help: 'one\\two\nthree', type: 'gauge', samples: [{ labels, value: 3.25 }] }])).toBe(await registry.metrics());
    expect(CONTENT_TYPE).toBe(registry.contentType);
  });

  it('names the fault of a family that Prometheus would not read', () => {
    expect(faultOf(requests)).toBe('');
    expect(faultOf({ ...requests, name: 'a-b' })).toContain("'a-b'");
    expect(faultOf({ name: 'ok', help: '', type: 'gauge', samples: [{ labels: { '0x': '' }, value: 1 }] })).toContain("'0x'");
    expect(faultOf({ ...durations, samples: [{ labels: { le: '1' }, counts: [], count: 0, sum: 0 }] })).toContain("'le'");
  });
});

describe('prometheus()', () => {
  let w: World;
  beforeEach(() => void (w = world()));
  afterEach(() => w.end());

  async function start(options: PrometheusOptions, families: readonly MetricFamily[] = [requests]): Promise<{ origin: string; log: FakeHost['lines'] }> {
    const use = prometheus(options);
    const definition = use.definition as unknown as ExporterDefinition<PrometheusOptions>;
    const host = w.host('prometheus');
    await definition.start(withDefaults(use.definition.options, use.options) as never, host, () => Promise.resolve({ takenAt: 0, families }));
    const { url } = host.lines[0]!.fields as { url: string };
    return { origin: new URL(url).origin, log: host.lines };
  }

  it('is on 127.0.0.1:9464/metrics unless the options say otherwise', () => {
    expect(withDefaults(prometheus.definition.options, {})).toMatchObject({ port: 9464, host: '127.0.0.1', path: '/metrics' });
  });

  it('serves the snapshot under its path, a query or not', async () => {
    const { origin, log } = await start({});
    const response = await fetch(`${origin}/metrics?name[]=x`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toBe(renderFamilies([requests]));
    expect(log).toMatchObject([{ level: 'info', message: 'metrics are served', fields: { url: `${origin}/metrics` } }]);
  });

  it('answers HEAD with the head alone, other paths with 404, other methods with 405', async () => {
    const { origin } = await start({ path: '/numbers' });
    const head = await fetch(`${origin}/numbers`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(renderFamilies([requests]).length), '']);
    const missing = await fetch(`${origin}/metrics`);
    expect([missing.status, await missing.text()]).toEqual([404, 'not found; the metrics are at /numbers\n']);
    const post = await fetch(`${origin}/numbers`, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('leaves out and logs a family that would cost the whole scrape', async () => {
    const { origin, log } = await start({}, [{ ...requests, name: 'not a name' }, durations]);
    const text = await (await fetch(`${origin}/metrics`)).text();
    expect(text).toBe(renderFamilies([durations]));
    expect(log[1]).toMatchObject({ level: 'warn', fields: { fault: "'not a name' is no metric name" } });
  });

  it('puts what `append` gives behind its own, and does without it when it fails', async () => {
    const own = new Registry();
    new Gauge({ name: 'app_queue', help: 'q', registers: [own] }).set(2);
    const appending = await start({ append: () => own.metrics() });
    const families = parse(await (await fetch(`${appending.origin}/metrics`)).text()).map((family) => family.name);
    expect(families).toEqual(['steelyard_requests_total', 'app_queue']);

    const failing = await start({ append: () => Promise.reject(new Error('queue is gone')) });
    const response = await fetch(`${failing.origin}/metrics`);
    expect([response.status, await response.text()]).toEqual([200, renderFamilies([requests])]);
    expect(failing.log[1]).toMatchObject({ level: 'warn', fields: { error: 'queue is gone' } });
  });
});

interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}
interface Family {
  name: string;
  help: string;
  type: string;
  series: Series[];
}

/** A reader written from the specification alone: line by line, label values character by character. */
function parse(text: string): Family[] {
  assert(text.endsWith('\n'));
  const families: Family[] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) (\S+) ?(.*)$/s.exec(line);
    if (comment) {
      const [, keyword, name = '', rest = ''] = comment;
      if (keyword === 'HELP') families.push({ name, help: unescape(rest), type: '', series: [] });
      else families.at(-1)!.type = rest;
      continue;
    }
    const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)![0];
    let at = name.length;
    const labels: Record<string, string> = {};
    if (line[at] === '{') {
      at++;
      while (line[at] !== '}') {
        const label = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))![0];
        at += label.length;
        assert.equal(line.slice(at, at + 2), '="');
        const from = (at += 2);
        while (line[at] !== '"') at += line[at] === '\\' ? 2 : 1;
        assert(!(label in labels));
        labels[label] = unescape(line.slice(from, at));
        at++;
        if (line[at] === ',') at++;
      }
      at++;
    }
    assert.equal(line[at], ' ');
    const number = line.slice(at + 1);
    assert.match(number, /^([+-]Inf|NaN|-?\d+(\.\d+)?(e[+-]\d+)?)$/);
    families.at(-1)!.series.push({ name, labels, value: number === '+Inf' ? Infinity : number === '-Inf' ? -Infinity : Number(number) });
  }
  return families;
}

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_all, character: string) => (character === 'n' ? '\n' : character));
}

/** What `promtool check metrics` and the server insist on. */
function lint(text: string): void {
  const seen = new Set<string>();
  for (const { name, help, type, series } of parse(text)) {
    expect(seen).not.toContain(name);
    seen.add(name);
    expect(help).not.toBe('');
    expect(type === 'counter').toBe(name.endsWith('_total'));
    const keys = series.map((one) => JSON.stringify([one.name, one.labels]));
    expect(new Set(keys).size).toBe(keys.length);
    if (type !== 'histogram') {
      expect(series.every((one) => one.name === name)).toBe(true);
      continue;
    }
    const groups = Map.groupBy(series, ({ labels: { le: _le, ...rest } }) => JSON.stringify(rest));
    for (const group of groups.values()) {
      const buckets = group.filter((one) => one.name === `${name}_bucket`);
      const bounds = buckets.map((one) => (one.labels.le === '+Inf' ? Infinity : Number(one.labels.le)));
      expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
      expect(bounds.at(-1)).toBe(Infinity);
      expect(buckets.map((one) => one.value)).toEqual(buckets.map((one) => one.value).sort((a, b) => a - b));
      expect(group.find((one) => one.name === `${name}_count`)!.value).toBe(buckets.at(-1)!.value);
      expect(group.filter((one) => one.name === `${name}_sum`)).toHaveLength(1);
    }
  }
}
