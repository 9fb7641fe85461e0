/** A run on the terminal, at its end. */
import { othersNote } from './markdown.ts';
import type { Report } from './report.ts';
import { asText, barTable, proxyTable, ratioTable } from './tables.ts';

export function toTerminal({ scenarios, skipped, missing, faults }: Report): string {
  const parts = scenarios.flatMap((scenario) => [
    `\n${scenario.name}: ${scenario.title}`, asText(proxyTable(scenario)), scenario.ratios.length > 0 ? asText(ratioTable(scenario)) : '', `  ${othersNote(scenario.others)}`,
  ]);
  const bars = barTable(scenarios);
  if (bars.rows.length > 0) parts.push('\nthe bars', asText(bars));
  const remarks = [
    ...skipped.map(({ name, reason }) => `  not measured: ${name}: ${reason}`),
    ...missing.map(({ name, install }) => `  not compared, it is not installed: ${name} (${install})`),
    ...faults.map((fault) => `  AT FAULT: ${fault}`),
  ];
  return [...parts, remarks.join('\n')].filter((part) => part.trim() !== '').join('\n\n');
}
