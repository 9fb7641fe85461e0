/**
 * results/latest.svg: small multiples over one time axis: what must be flat, what was done, what became of it. Above each column a strip of marks:
 * one at each reload, each refused one, each fault. Dots are quiet points, behind a collection of all garbage; lines are taken under traffic.
 */
import { DARK_TEXT_STYLE, round, text, TEXT_STYLE } from '../../report/svg.ts';
import { EVENT_KINDS, type EventKind } from '../events.ts';
import type { QuietSample, TimelineSample } from '../samples/sampler.ts';
import { total } from '../samples/proc.ts';
import { drawPanel, PANEL_HEIGHT, type Panel, type Point } from './panel.ts';
import type { Report } from './report.ts';

const COLUMNS = 2;
const COLUMN_WIDTH = 560;
const MARGIN = 16;
const AXIS_WIDTH = 60;
const HEAD_HEIGHT = 66;
const MARK_ROW_HEIGHT = 13;
const FOOT_HEIGHT = 30;
const MIB = 2 ** 20;

const STYLE = `${TEXT_STYLE}
  .axis { stroke: #d0d7de; stroke-width: 1; fill: none; }
  .line { fill: none; stroke-width: 1.3; stroke-linejoin: round; }
  .dot { fill: #24292f; }
  .trend { stroke: #24292f; stroke-width: 1.2; stroke-dasharray: 4 3; fill: none; }
  .warm { fill: #eaeef2; }
  .mark { stroke: #57606a; stroke-width: 1; }
  .bad { stroke: #cf222e; }
  .c0 { stroke: #0969da; } .c1 { stroke: #bc4c00; } .c2 { stroke: #1a7f37; } .c3 { stroke: #8250df; } .c4 { stroke: #9a6700; } .c5 { stroke: #cf222e; } .c6 { stroke: #57606a; }
  @media (prefers-color-scheme: dark) {${DARK_TEXT_STYLE}
    .axis { stroke: #3d444d; }
    .dot { fill: #e6edf3; }
    .trend { stroke: #e6edf3; }
    .warm { fill: #21262d; }
    .mark { stroke: #9198a1; }
    .bad { stroke: #f85149; }
    .c0 { stroke: #4493f8; } .c1 { stroke: #f0883e; } .c2 { stroke: #3fb950; } .c3 { stroke: #ab7df8; } .c4 { stroke: #d29922; } .c5 { stroke: #f85149; } .c6 { stroke: #9198a1; }
  }`;

export function toChart(report: Report): string {
  const { timeline, quiet, events, options, machine, date, commit, warmUpSeconds } = report;
  const end = Math.max(1, ...timeline.map(({ at }) => at), ...quiet.map(({ at }) => at));
  const x = (seconds: number): number => round(AXIS_WIDTH + (seconds / end) * (COLUMN_WIDTH - AXIS_WIDTH - MARGIN));
  const strip = drawMarks(events, x);
  const panels = panelsOf(report);
  const rows = Math.ceil(panels.length / COLUMNS);
  const [width, height] = [COLUMNS * COLUMN_WIDTH, HEAD_HEIGHT + strip.height + rows * PANEL_HEIGHT + FOOT_HEIGHT];
  const drawn = panels.map((panel, i) => {
    const [column, row] = [Math.floor(i / rows), i % rows];
    const place = `translate(${column * COLUMN_WIDTH} ${HEAD_HEIGHT + strip.height + row * PANEL_HEIGHT})`;
    return `<g transform="${place}">${drawPanel(panel, { x, end, warmUpSeconds, left: AXIS_WIDTH, right: COLUMN_WIDTH - MARGIN, isLast: row === rows - 1 })}</g>`;
  });
  const strips = Array.from({ length: COLUMNS }, (_, column) => `<g transform="translate(${column * COLUMN_WIDTH} ${HEAD_HEIGHT})">${strip.drawn}</g>`);
  const held = report.findings.filter(({ holds }) => holds).length;
  const foot = `${date.slice(0, 10)} · commit ${commit} · ${machine.cpu}, ${machine.cores} cores · Linux ${machine.kernel}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Memory, descriptors, sockets, timers, requests and errors of Steelyard over ${Math.round(end / 60)} minutes">
<style>${STYLE}
</style>
${text(MARGIN, 28, `${(end / 60).toFixed(0)} minutes of good and bad traffic: what must be flat`, 'title')}
${text(MARGIN, 48, `${options.rate} exchanges begun per second, ${options.workers} workers, seed ${options.seed}. Dots: nothing under way, garbage collected. Lines: under traffic. Shaded: warm-up. ${held} of ${report.findings.length} findings hold.`, 'small')}
${strips.join('\n')}
${drawn.join('\n')}
${text(MARGIN, height - 10, foot, 'small')}
</svg>
`;
}

function panelsOf({ timeline, quiet, growths }: Report): Panel[] {
  const line = (value: (sample: TimelineSample) => number): Point[] => timeline.map((sample) => ({ x: sample.at, y: value(sample) }));
  const dots = (value: (sample: QuietSample) => number): Point[] => quiet.map((sample) => ({ x: sample.at, y: value(sample) }));
  const slopeOf = (name: string): number | undefined => growths.find((growth) => growth.name === name)?.slope?.median;
  const isClosing = (state: string): boolean => state !== 'established' && state !== 'listen';
  return [
    { title: 'resident memory, MiB', lines: [{ name: 'under traffic', points: line(({ rssBytes }) => rssBytes / MIB) }], dots: dots(({ rssBytes }) => rssBytes / MIB), slopePerHour: slopeOf('rss') },
    { title: 'heap of all threads, MiB', lines: [{ name: 'with garbage', points: line(({ heapBytes }) => heapBytes / MIB) }], dots: dots(({ heapBytes }) => heapBytes / MIB), slopePerHour: slopeOf('heap') },
    { title: 'buffers outside of the heap, MiB', lines: [], dots: dots(({ externalBytes }) => externalBytes / MIB), slopePerHour: slopeOf('external') },
    { title: 'file descriptors', lines: [{ name: 'under traffic', points: line(({ descriptors }) => descriptors) }], dots: dots(({ state }) => sumWhere(state, (name) => name.startsWith('descriptors '))) },
    { title: 'timers', lines: [{ name: 'under traffic', points: line(({ timers }) => timers) }], dots: dots(({ state }) => state['timers'] ?? 0) },
    { title: 'tcp sockets', dots: dots(({ state }) => sumWhere(state, (name) => name.startsWith('sockets '))), lines: [
      { name: 'established', points: line((sample) => sample.sockets['established'] ?? 0) },
      { name: 'opening or closing', points: line((sample) => sumWhere(sample.sockets, isClosing)) },
      { name: 'listening', points: line((sample) => sample.sockets['listen'] ?? 0) },
    ] },
    { title: 'exchanges per second', lines: [{ name: 'ended', points: ratesOf(timeline, ({ ended }) => ended) }], dots: [] },
    { title: 'errors per second', lines: fatesOf(timeline).map((fate) => ({ name: fate, points: ratesOf(timeline, ({ fates }) => fates[fate] ?? 0) })), dots: [] },
    { title: 'in flight, and client connections', lines: [{ name: 'in flight', points: line(({ inFlight }) => inFlight) }, { name: 'connections', points: line(({ connectionsOpen }) => connectionsOpen) }], dots: [] },
    { title: 'share of a core', lines: [{ name: 'user and system', points: line(({ cpu }) => cpu) }], dots: [] },
  ];
}

/** The most frequent ones: as many as the legend has room for. */
const MOST_FATES = 6;
function fatesOf(timeline: readonly TimelineSample[]): string[] {
  const last = timeline.at(-1)?.fates ?? {};
  return Object.keys(last).filter((fate) => fate !== 'answered' && fate !== '200').sort((a, b) => last[b]! - last[a]!).slice(0, MOST_FATES);
}

/** Between two samples; one behind a pause (a quiet point lies between) begins anew. */
function ratesOf(timeline: readonly TimelineSample[], value: (sample: TimelineSample) => number): Point[] {
  return timeline.slice(1).flatMap((sample, i) => {
    const before = timeline[i]!;
    const seconds = sample.at - before.at;
    return seconds > LONGEST_STEP_SECONDS || seconds <= 0 ? [] : [{ x: sample.at, y: Math.max(0, value(sample) - value(before)) / seconds }];
  });
}
const LONGEST_STEP_SECONDS = 4;

function sumWhere(counts: Readonly<Record<string, number>>, isWanted: (name: string) => boolean): number {
  return total(Object.fromEntries(Object.entries(counts).filter(([name]) => isWanted(name))));
}

function drawMarks(events: Report['events'], x: (seconds: number) => number): { drawn: string; height: number } {
  const kinds = EVENT_KINDS.filter((kind) => events.some((event) => event.kind === kind));
  const rows = kinds.map((kind, row) => {
    const top = row * MARK_ROW_HEIGHT;
    const path = events.filter((event) => event.kind === kind).map(({ at }) => `M${x(at)} ${top + 3}v7`).join('');
    return `${text(AXIS_WIDTH - 6, top + 10, SHORT[kind], 'small', 'end')}<path class="mark${HARMS.includes(kind) ? ' bad' : ''}" d="${path}"/>`;
  });
  return { drawn: rows.join(''), height: kinds.length * MARK_ROW_HEIGHT + 10 };
}
const SHORT: Record<EventKind, string> = { reload: 'reload', 'broken config': 'refused', discovery: 'members', 'backend killed': 'killed', 'backend stopped': 'stopped', 'worker ended': 'worker', 'slow log reader': 'log' };
const HARMS: readonly EventKind[] = ['broken config', 'backend killed', 'backend stopped', 'worker ended'];
