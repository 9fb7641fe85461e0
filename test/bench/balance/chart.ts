/** results/balance.svg: a row a balancer, from its p50 to its p99.9 on one logarithmic scale, by p99. Readable on light and dark pages. */
import { DARK_TEXT_STYLE, round, text, TEXT_STYLE } from '../../report/svg.ts';
import { BACKENDS, LOAD } from './setting.ts';
import type { Report } from './summary.ts';
import type { Tail } from './tail.ts';

const WIDTH = 860;
const MARGIN = 16;
const LABEL_WIDTH = 220;
const FIGURE_WIDTH = 190;
/** The last number of the scale is as wide as this, half of it. */
const FIGURE_GAP = 24;
const ROW_HEIGHT = 26;
const HEAD_HEIGHT = 104;
const FOOT_HEIGHT = 34;
/** Lines of the scale, ms. */
const STEPS_MS = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

const STYLE = `${TEXT_STYLE}
  .grid { stroke: #d0d7de; }
  .span { stroke: #afb8c1; stroke-width: 8; stroke-linecap: round; }
  .mark { fill: #57606a; }
  .ours.span { stroke: #80b8f2; }
  .ours.mark { fill: #0969da; }
  .bound { stroke-dasharray: 3 5; stroke-linecap: butt; }
  @media (prefers-color-scheme: dark) {${DARK_TEXT_STYLE}
    .grid { stroke: #30363d; }
    .span { stroke: #656c76; }
    .mark { fill: #c9d1d9; }
    .ours.span { stroke: #1f4f8f; }
    .ours.mark { fill: #4493f8; }
  }`;

export function toChart({ balancers, simulated, date, commit, machine, rounds, seconds }: Report): string {
  const rows: (Tail & { name: string; className: string })[] = [
    ...balancers.toSorted((a, b) => a.p99Ms - b.p99Ms).map((one) => ({ ...one, className: one.isOurs ? ' ours' : '' })),
    ...simulated.filter(({ kind }) => kind === 'bound').toSorted((a, b) => b.p99Ms - a.p99Ms).map((one) => ({ ...one, className: ' bound' })),
  ].filter(({ p50Ms }) => Number.isFinite(p50Ms));
  const least = Math.min(...rows.map(({ p50Ms }) => p50Ms));
  const most = Math.max(...rows.map(({ p999Ms }) => p999Ms));
  const low = STEPS_MS.findLast((step) => step <= least) ?? STEPS_MS[0]!;
  const high = STEPS_MS.find((step) => step >= most) ?? most;
  const x = (value: number): number => round(LABEL_WIDTH + MARGIN + (Math.log(Math.max(value, low) / low) / Math.log(high / low)) * (WIDTH - LABEL_WIDTH - FIGURE_WIDTH - 2 * MARGIN));
  const bottom = HEAD_HEIGHT + rows.length * ROW_HEIGHT;
  const grid = STEPS_MS.filter((step) => step >= low && step <= high).map((step) => [
    `<line class="grid" x1="${x(step)}" x2="${x(step)}" y1="${HEAD_HEIGHT - 8}" y2="${bottom}"/>`,
    text(x(step), HEAD_HEIGHT - 13, step.toLocaleString('en'), 'small', 'middle'),
  ].join('\n'));
  const drawn = rows.map(({ name, className, p50Ms, p99Ms, p999Ms }, row) => {
    const y = HEAD_HEIGHT + (row + 0.5) * ROW_HEIGHT;
    return [
      text(LABEL_WIDTH + MARGIN - 12, y + 4, name, '', 'end'),
      `<line class="span${className}" x1="${x(p50Ms)}" x2="${x(p999Ms)}" y1="${y}" y2="${y}"/>`,
      `<circle class="mark${className}" cx="${x(p99Ms)}" cy="${y}" r="6"/>`,
      text(WIDTH - FIGURE_WIDTH + FIGURE_GAP, y + 4, [p50Ms, p99Ms, p999Ms].map((value) => value.toFixed(0)).join(' · ')),
    ].join('\n');
  });
  const foot = `${date.slice(0, 10)} · commit ${commit} · ${machine.cpu}, ${machine.cores} cores · ${rounds} rounds of ${seconds} s · load ${LOAD * 100} % of the capacity of ${BACKENDS} backends`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + FOOT_HEIGHT}" width="${WIDTH}" height="${bottom + FOOT_HEIGHT}" role="img" aria-label="Latency of Steelyard's strategies and of other balancers">
<style>${STYLE}
</style>
${text(MARGIN, 28, 'Latency where backends become slow and well again: less is better', 'title')}
${text(MARGIN, 48, 'From p50 to p99.9, the dot is p99; milliseconds, logarithmic.', 'small')}
${text(MARGIN, 64, 'Blue: strategies of Steelyard. Dotted: simulated, by rules that know more than a balancer can.', 'small')}
${text(WIDTH - FIGURE_WIDTH + FIGURE_GAP, HEAD_HEIGHT - 13, 'p50 · p99 · p99.9', 'small')}
${[...grid, ...drawn].join('\n')}
${text(MARGIN, bottom + FOOT_HEIGHT - 12, foot, 'small')}
</svg>
`;
}
