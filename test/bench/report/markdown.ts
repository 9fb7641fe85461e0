/** results/latest.md */
import type { Report } from './report.ts';
import { asMarkdown, proxyTable, ratioTable } from './tables.ts';

export function toMarkdown(report: Report): string {
  const sections = report.scenarios.map((scenario) => [
    `## ${scenario.name}: ${scenario.title}`, asMarkdown(ratioTable(scenario)), asMarkdown(proxyTable(scenario)), othersNote(scenario.others),
  ]);
  const programs = report.programs.map(({ name, version, note }) => `- ${[`${name} ${version}`.trim(), note].filter((part) => part !== '').join(', ')}`);
  const missing = report.missing.map(({ name, install }) => `- missing here: ${name} (${install})`);
  return `${[
    '# What a request costs',
    `${report.date.slice(0, 10)}, commit ${report.commit}. Written by \`npm run bench\`; every sample is in [latest.json](latest.json).`,
    '![CPU time per request](latest.svg)',
    ...sections.flat(),
    '## How it was measured',
    howItWasMeasured(report).join('\n'),
    '## With what',
    [...programs, ...missing, `- machine: ${report.machine.cpu}, ${report.machine.cores} cores, ${report.machine.memoryGiB} GiB; Linux ${report.machine.kernel}`].join('\n'),
  ].filter((part) => part !== '').join('\n\n')}\n`;
}

function howItWasMeasured({ rounds, seconds, isPinned }: Report): string[] {
  return [
    `- ${rounds} rounds after one that does not count; in each round every proxy carries the load for ${seconds} s, one after the other, in random order. All run from the beginning to the end; those that have no turn are idle.`,
    isPinned
      ? '- Each proxy is pinned to core 0, the load generator and the origin to core 1 (`taskset`).'
      : '- Nothing is pinned: `taskset` is missing here, so throughput and latency say little.',
    '- CPU time is what the kernel booked on the proxy while the load ran, user and system, all threads and children (`/proc/<pid>/task/*/schedstat` and `/proc/<pid>/stat`), divided by the requests answered. What the kernel does for loopback packets within a system call of the proxy is part of it; user and system apart are by the kernel’s ticks, and rougher.',
    '- A ratio is formed within a round, so that what slows the machine slows both; the table has the median of these ratios and its bootstrap 95 % interval.',
    '- Requests per second and latencies are those of a closed loop at saturation: the latency is mostly waiting in line.',
    '- One worker or thread each, keep-alive on both sides, no access log, `X-Forwarded-For`, `-Proto` and `-Host` added. Before the measurement each proxy had to give the right answer, these fields at the backend, all three backends in use, and connections kept. The configs: [peers/](../peers). Steelyard runs by `steelyard start`, with every check of the request head on, and adds `Via`, which the others do not.',
  ];
}

export function othersNote(others: number | undefined): string {
  if (others === undefined) return '';
  const percent = Math.round(others * 100);
  return percent < 3 ? `The machine was quiet: other programs took ${percent} % of the proxies’ core.` : `The machine was not quiet: other programs took ${percent} % of the proxies’ core (median of the samples).`;
}
