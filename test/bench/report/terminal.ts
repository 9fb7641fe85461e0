/** A run on the terminal, at its end. */
import { asText } from '../../report/table.ts';
import { othersNote } from './markdown.ts';
import { failuresOf, type Report } from './report.ts';
import { barTable, proxyTable, ratioTable } from './tables.ts';

export function toTerminal(report: Report): string {
  const { scenarios, skipped, missing, faults } = report;
  const parts = scenarios.flatMap((scenario) => [
    `\n${scenario.name}: ${scenario.title}`, asText(proxyTable(scenario)), scenario.ratios.length > 0 ? asText(ratioTable(scenario)) : '', `  ${othersNote(scenario.others)}`,
  ]);
  const bars = barTable(scenarios);
  if (bars.rows.length > 0) parts.push('\nthe bars', asText(bars));
  const remarks = [
    ...skipped.map(({ name, reason }) => `  not measured: ${name}: ${reason}`),
    ...missing.map(({ name, install }) => `  not compared, it is not installed: ${name} (${install})`),
    ...[...faults, ...failuresOf(report)].map((fault) => `  AT FAULT: ${fault}`),
  ];
  return [...parts, remarks.join('\n')].filter((part) => part.trim() !== '').join('\n\n');
}
