/** results/latest.md */
import { asMarkdown, type Table } from '../../report/table.ts';
import { hasFailed, type Report } from './report.ts';

export function toMarkdown(report: Report): string {
  const { options, machine, findings, violations, tally, events, quiet, said, excused, warmUpSeconds } = report;
  const exchanges = Object.values(tally).reduce((sum, fates) => sum + total(fates), 0);
  const counts = new Map<string, number>();
  for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const [base, last] = [quiet[0], quiet.at(-1)];
  return `${[
    `# ${(options.seconds / 60).toFixed(options.seconds < 600 ? 1 : 0)} minutes of good and bad traffic`,
    `${report.date.slice(0, 10)}, commit ${report.commit}, Node ${report.node}. Written by \`npm run soak\`; every sample is in [latest.json](latest.json). ${hasFailed(report) ? '**Something did not hold.**' : 'Everything held.'}`,
    '![Memory, descriptors, sockets, timers, requests and errors over the run](latest.svg)',
    '## The verdict',
    asMarkdown({ head: ['what', 'holds', 'in figures'], rows: findings.map(({ what, holds, told }) => [what, holds ? 'yes' : '**no**', told.replaceAll('|', '/').replaceAll('\n', ' ')]) }),
    ...(violations.length === 0 ? [] : ['## What went wrong', violations.slice(0, 20).map(({ at, kind, fate, why }) => `- at ${at.toFixed(1)} s: ${kind}: ${fate} ${why}`.trimEnd()).join('\n')]),
    '## What was done',
    `${exchanges.toLocaleString('en')} exchanges at ${options.rate} per second, ${options.workers} workers, seed ${options.seed}; meanwhile ${[...counts].map(([kind, count]) => `${count} × ${kind}`).join(', ')}. ${excused} exchanges failed with the worker or the backend that was ended under them, as they may.`,
    asMarkdown(tallyTable(tally)),
    '## Base line and end',
    `After ${options.roundSeconds} s of traffic each, traffic and faults stop, the base config is loaded, and everything must come back to where it was after the first round, to the unit.`,
    base && last ? asMarkdown(stateTable(base.state, last.state)) : 'There was no quiet point.',
    '## What the log said',
    asMarkdown({ head: ['line', 'times'], rows: Object.entries(said).slice(0, 25).map(([line, count]) => [line.replaceAll('|', '/'), String(count)]) }),
    '## How it was looked at',
    [
      '- Steelyard runs as its users run it: `steelyard start` with a config file (test/soak/site/balancer.config.ts), its log in a pipe, its access log in a file that is rotated with each reload.',
      '- Good clients at good backends must get their own answer: the id and every byte of both bodies are compared. Each kind of bad client and bad backend has its list of allowed ends; a backend or worker that is killed excuses what was open on it at that moment, and nothing else. Reloads excuse nothing but tunnels that outlive the drain limit.',
      `- Heap, buffers and resident memory are those of the quiet points, behind a collection of all garbage in every thread. Growth is the Theil-Sen slope over those behind the first ${Math.round(warmUpSeconds)} s (resident memory: of the run's second half, because the allocator comes to its height in steps), with its 95 % interval.`,
      '- Objects of the classes that own something (timers, sockets, connections, generations, backends, plugins) are counted in the heap of every thread at every quiet point (`v8.queryObjects`); descriptors and sockets are counted by the kernel.',
      `- machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Linux ${machine.kernel}`,
    ].join('\n'),
  ].join('\n\n')}\n`;
}

function tallyTable(tally: Report['tally']): Table {
  const rows = Object.entries(tally).map(([kind, fates]) => {
    const told = Object.entries(fates).sort(([, a], [, b]) => b - a).map(([fate, count]) => `${fate} ${count.toLocaleString('en')}`);
    return [kind, total(fates).toLocaleString('en'), told.join(', ')];
  });
  return { head: ['exchange', 'times', 'ends'], rows };
}

function stateTable(base: Readonly<Record<string, number>>, last: Readonly<Record<string, number>>): Table {
  const names = [...new Set([...Object.keys(base), ...Object.keys(last)])].sort();
  return { head: ['what', 'base line', 'end'], rows: names.map((name) => [name, String(base[name] ?? 0), String(last[name] ?? 0)]) };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
