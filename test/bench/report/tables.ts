/** Rows for the terminal and for Markdown: the same cells in both. */
import type { Estimate } from '../statistics.ts';
import type { ScenarioSummary } from './summary.ts';

export interface Table {
  head: string[];
  rows: string[][];
}

export function ratioTable({ ratios }: ScenarioSummary): Table {
  return {
    head: ['CPU time per request, Steelyard / …', 'median of the rounds', '95 % interval', 'all rounds'],
    rows: ratios.map((ratio) => [ratio.peer, ratio.median.toFixed(3), `${ratio.low.toFixed(3)} – ${ratio.high.toFixed(3)}`, `${ratio.min.toFixed(2)} – ${ratio.max.toFixed(2)}`]),
  };
}

export function proxyTable({ proxies }: ScenarioSummary): Table {
  return {
    head: ['proxy', 'CPU µs/request', '95 % interval', 'all rounds', 'user + system', 'requests/s', 'p50 ms', 'p99 ms', 'of its core', 'failures'],
    rows: proxies.map(({ name, cpuUs, userUs, systemUs, perSecond, p50Us, p99Us, busy, failures }) => [
      name, cpuUs.median.toFixed(1), interval(cpuUs), `${cpuUs.min.toFixed(1)} – ${cpuUs.max.toFixed(1)}`, `${userUs.toFixed(1)} + ${systemUs.toFixed(1)}`,
      Math.round(perSecond).toLocaleString('en'), (p50Us / 1e3).toFixed(2), (p99Us / 1e3).toFixed(2), `${Math.round(busy * 100)} %`, String(failures),
    ]),
  };
}

function interval({ low, high }: Estimate): string {
  return `${low.toFixed(1)} – ${high.toFixed(1)}`;
}

/** Columns as wide as their widest cell, numbers to the right. */
export function asText({ head, rows }: Table): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]): string => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('   ').trimEnd();
  return [line(head), ...rows.map(line)].map((text) => `  ${text}`).join('\n');
}

export function asMarkdown({ head, rows }: Table): string {
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_cell, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
