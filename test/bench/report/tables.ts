/** The tables of a report, for the terminal and for Markdown. */
import type { Table } from '../../report/table.ts';
import type { Estimate } from '../statistics.ts';
import type { ScenarioSummary } from './summary.ts';

/** The bars of all scenarios, and what was reached. */
export function barTable(scenarios: readonly ScenarioSummary[]): Table {
  return {
    head: ['scenario', 'counted', 'bar', 'median', '95 % interval', 'met'],
    rows: scenarios.flatMap(({ name, metric, bars }) => bars.map(({ limit, to, reached, isMet }) => {
      const digits = to === undefined ? metric.digits : 2;
      return [name, to === undefined ? metric.label : `${metric.label}, ratio to ${to}`, limit, reached.median.toFixed(digits), interval(reached, digits), isMet ? 'yes' : 'no'];
    })),
  };
}

export function ratioTable({ proxies, ratios, metric }: ScenarioSummary): Table {
  return {
    head: [`${metric.label}: ${proxies[0]!.name} / …`, 'median of the rounds', '95 % interval', 'all rounds'],
    rows: ratios.map((ratio) => [ratio.peer, ratio.median.toFixed(3), interval(ratio, 3), `${ratio.min.toFixed(2)} – ${ratio.max.toFixed(2)}`]),
  };
}

export function proxyTable({ proxies, metric: { label, digits } }: ScenarioSummary): Table {
  return {
    head: ['proxy', label, '95 % interval', 'all rounds', 'user + system', 'requests/s', 'MiB/s', 'p50 ms', 'p99 ms', 'of a core', 'failures'],
    rows: proxies.map(({ name, cost, userShare, perSecond, mibPerSecond, p50Us, p99Us, busy, failures }) => [
      name, cost.median.toFixed(digits), interval(cost, digits), `${cost.min.toFixed(digits)} – ${cost.max.toFixed(digits)}`,
      userShare === undefined ? '–' : `${(cost.median * userShare).toFixed(digits)} + ${(cost.median * (1 - userShare)).toFixed(digits)}`,
      Math.round(perSecond).toLocaleString('en'), Math.round(mibPerSecond).toLocaleString('en'), milliseconds(p50Us), milliseconds(p99Us), `${Math.round(busy * 100)} %`, String(failures),
    ]),
  };
}

function milliseconds(us: number | undefined): string {
  return us === undefined ? '–' : (us / 1e3).toFixed(2);
}

function interval({ low, high }: Estimate, digits: number): string {
  return `${low.toFixed(digits)} – ${high.toFixed(digits)}`;
}
