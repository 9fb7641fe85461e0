/**
 * `orca({ over })`: weights by what the backends report of their load in a response header or trailer (Open Request Cost Aggregation).
 *
 * gRPC A58 "weighted_round_robin LB policy", with any strategy that goes by weight in the place of its scheduler. A pick costs what it costs inside; a
 * response with a report costs reading it.
 */
import { defineStrategy, passOn, type Backend, type Member, type StrategyProtocol, type StrategyUse, type Trailers } from '@steelyard/sdk';
import { completed, LoadWeight, type WeightRules } from './load-weight.ts';
import { parseReport } from './report.ts';

export interface OrcaOptions {
  /** Picks by the weights that it is given: `weighted-round-robin`, `random`, `p2c`. */
  over: StrategyUse<StrategyProtocol, 'load'>;
  /** Between two updates of the weights. Milliseconds, 100 to 60,000; default 1,000. */
  updateMs?: number;
  /** So long after its first report, and after it comes back, a backend's reports are not believed. Milliseconds, 0 to 600,000; default 10,000. */
  blackoutMs?: number;
  /** A report that is older says nothing. Milliseconds, 1,000 to 3,600,000; default 180,000. */
  expiryMs?: number;
  /** Utilisation that a share of failed requests of 1 counts as, 0 to 100; default 1. */
  errorPenalty?: number;
  /** Takes the reports out of the responses: they are not the clients' business. Default true. */
  strip?: boolean;
}

const HEADER = 'endpoint-load-metrics';
const BINARY_HEADER = 'endpoint-load-metrics-bin';

export default defineStrategy<OrcaOptions, 'http'>({
  name: 'orca',
  description: 'weights by the load that backends report in a response header or trailer (ORCA, gRPC A58)',
  protocol: 'http',
  options: {
    over: { type: 'strategy', kinds: ['load'], description: 'picks by the weights that it is given' },
    updateMs: { type: 'integer', minimum: 100, maximum: 60_000, default: 1_000, description: 'between two updates of the weights' },
    blackoutMs: { type: 'integer', minimum: 0, maximum: 600_000, default: 10_000, description: 'so long the first reports are not believed' },
    expiryMs: { type: 'integer', minimum: 1_000, maximum: 3_600_000, default: 180_000, description: 'a report that is older says nothing' },
    errorPenalty: { type: 'number', minimum: 0, maximum: 100, default: 1, description: 'utilisation that a share of failed requests of 1 counts as' },
    strip: { type: 'boolean', default: true, description: 'takes the reports out of the responses' },
  },
  create({ over, updateMs, blackoutMs, expiryMs, errorPenalty, strip }, host) {
    const inner = host.strategy(over);
    const { onHead, onEnd, ...callbacks } = passOn(inner);
    const rules: WeightRules = { blackoutMs, expiryMs, errorPenalty };
    const weightOf = host.perBackend(() => new LoadWeight());
    const faults = host.counter('orca_bad_reports_total', { help: 'Load reports that could not be read.', labels: ['backend'] });
    let members: readonly Member[] = [];
    /** What the strategy inside was told last. */
    let told: readonly number[] = [];

    const apply = (): void => {
      const now = host.now();
      const factors = completed(members.map(({ backend }) => weightOf(backend).at(now, rules)));
      if (factors.length === told.length && factors.every((factor, i) => factor === told[i])) return;
      told = factors;
      inner.update(members.map(({ backend, weight }, i) => ({ backend, weight: weight * factors[i]! })));
    };
    const hear = (backend: Backend, fields: Pick<Trailers, 'header'>): void => {
      const prefixed = fields.header(HEADER);
      const text = prefixed ?? fields.header(BINARY_HEADER);
      if (text === undefined) return;
      const report = parseReport(text, prefixed === undefined);
      if (report === undefined) faults.add(1, backend.id);
      else weightOf(backend).take(report, host.now(), rules);
    };
    host.every(updateMs, apply);
    host.hooks.onHealthChange.tap(({ backend, from, to }) => {
      if (from === 'down' && to === 'up') weightOf(backend).restart();
    });
    return {
      update(given) {
        members = given;
        told = [];
        apply();
      },
      select: (exchange, pool) => inner.select(exchange, pool),
      onHead(lease, head) {
        hear(lease.backend, head);
        if (strip) {
          // Whether they are there or not: what is taken out of the head does not come behind the body either.
          head.removeHeader(HEADER);
          head.removeHeader(BINARY_HEADER);
        }
        onHead(lease, head);
      },
      onEnd(lease, outcome) {
        if (outcome.kind === 'answered' && outcome.trailers) hear(lease.backend, outcome.trailers);
        onEnd(lease, outcome);
      },
      ...callbacks,
    };
  },
});
