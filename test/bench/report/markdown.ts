/** results/latest.md */
import { asMarkdown } from '../../report/table.ts';
import { failuresOf, type Report } from './report.ts';
import type { ScenarioSummary } from './summary.ts';
import { barTable, proxyTable, ratioTable } from './tables.ts';

export function toMarkdown(report: Report): string {
  const { scenarios, skipped, machine } = report;
  const faults = [...report.faults, ...failuresOf(report)];
  const programs = report.programs.map(({ name, version, note }) => `- ${[`${name} ${version}`.trim(), note].filter((part) => part !== '').join(', ')}`);
  const missing = report.missing.map(({ name, install }) => `- missing here: ${name} (${install})`);
  const bars = barTable(scenarios);
  return `${[
    '# What a request costs',
    `${report.date.slice(0, 10)}, commit ${report.commit}. Written by \`npm run bench\`; every sample is in [latest.json](latest.json).`,
    '![Steelyard’s cost and the others’, by scenario](latest.svg)',
    ...(faults.length > 0 ? ['## What went wrong', faults.map((fault) => `- ${fault}`).join('\n')] : []),
    ...(bars.rows.length > 0 ? ['## The bars', 'A bar is met when the better end of the 95 % interval reaches it.', asMarkdown(bars)] : []),
    ...scenarios.flatMap(sectionOf),
    ...skipped.flatMap(({ name, title, reason }) => [`## ${name}: ${title}`, `Not measured: ${reason}.`]),
    '## How it was measured',
    howItWasMeasured(report).join('\n'),
    '## With what',
    [...programs, ...missing, `- machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Linux ${machine.kernel}`].join('\n'),
  ].filter((part) => part !== '').join('\n\n')}\n`;
}

function sectionOf(scenario: ScenarioSummary): string[] {
  const { name, title, note, rounds, seconds, others } = scenario;
  const tables = [...(scenario.ratios.length > 0 ? [asMarkdown(ratioTable(scenario))] : []), asMarkdown(proxyTable(scenario))];
  return [`## ${name}: ${title}`, note, ...tables, `${rounds} rounds of ${seconds} s. ${othersNote(others)}`.trim()];
}

function howItWasMeasured({ isPinned }: Report): string[] {
  return [
    '- In each round every proxy carries the load for so many seconds, one after the other, in random order, after a first time that does not count. Those of a scenario run together; those that have no turn are idle.',
    isPinned
      ? '- Each proxy is pinned to core 0, the load generator and the origin to core 1 (`taskset`), where the scenario does not say otherwise.'
      : '- Nothing is pinned: `taskset` is missing here, so throughput and latency say little.',
    '- CPU time is what the kernel booked on the proxy while the load ran, user and system, all threads and children (`/proc/<pid>/task/*/schedstat` and `/proc/<pid>/stat`), divided by the requests answered or the MiB carried. What the kernel does for loopback packets within a system call of the proxy is part of it; user and system apart are by the kernel’s ticks, and rougher.',
    '- A ratio is formed within a round, so that what slows the machine slows both; the table has the median of these ratios and its bootstrap 95 % interval.',
    '- Where no rate is given, requests per second and latencies are those of a closed loop at saturation: the latency is mostly waiting in line.',
    '- One worker or thread each, keep-alive on both sides, no access log; `X-Forwarded-For`, `-Proto`, `-Host` and `Via` are added. Before the measurement each proxy had to give the right answers, these fields at the backend, all three backends in use, and connections kept. The configs: [peers/](../peers). Steelyard runs by `steelyard start` with what `steelyard init` writes, and with every check of the request head on.',
  ];
}

export function othersNote(others: number | undefined): string {
  if (others === undefined) return '';
  const percent = Math.round(others * 100);
  return percent < 3 ? `The machine was quiet: other programs took ${percent} % of the proxies’ core.` : `The machine was not quiet: other programs took ${percent} % of the proxies’ core (median of the samples).`;
}
