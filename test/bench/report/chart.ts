/**
 * results/latest.svg: a panel a scenario, in it a bar a proxy: its cost in times of nginx's (of the other contender's, where nginx has no part), with the
 * interval. All panels have one scale, so that they can be compared. Readable on light and dark pages, without scripts or fonts of its own.
 */
import { DARK_TEXT_STYLE, round, text, TEXT_STYLE } from '../../report/svg.ts';
import type { Sample } from '../measure.ts';
import { estimate, seededRandom, type Estimate } from '../statistics.ts';
import type { Report } from './report.ts';
import type { ScenarioSummary } from './summary.ts';

const COLUMNS = 2;
const PANEL_WIDTH = 540;
const MARGIN = 16;
const LABEL_WIDTH = 118;
/** For the figures behind the longest bar. */
const FIGURE_WIDTH = 196;
const BAR_HEIGHT = 14;
const ROW_HEIGHT = 21;
const TITLE_HEIGHT = 46;
const PANEL_GAP = 26;
const HEAD_HEIGHT = 62;
const FOOT_HEIGHT = 30;
/** The end of the scale, in times of the reference; what is longer is cut, with a mark, and its figure tells. */
const MOST_TIMES = 3;
const REFERENCE = 'nginx';
const SEED = 1;

const STYLE = `${TEXT_STYLE}
  .one { stroke: #57606a; stroke-dasharray: 3 3; }
  .bar { fill: #afb8c1; }
  .ours { fill: #0969da; }
  .interval { stroke: #24292f; stroke-width: 1.2; fill: none; }
  .cut { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {${DARK_TEXT_STYLE}
    .one { stroke: #9198a1; }
    .bar { fill: #656c76; }
    .ours { fill: #4493f8; }
    .interval { stroke: #e6edf3; }
    .cut { fill: #0d1117; }
  }`;

export function toChart({ scenarios, date, commit, machine }: Report): string {
  // One proxy alone has nothing to be compared with: its figure is in the tables.
  const drawn = scenarios.filter(({ proxies }) => proxies.length > 1);
  const bottoms = Array.from({ length: COLUMNS }, () => HEAD_HEIGHT);
  const panels = drawn.map((scenario) => {
    // Into the shorter column, the left one first: so the order stays readable.
    const column = bottoms.indexOf(Math.min(...bottoms));
    const top = bottoms[column]!;
    bottoms[column] = top + TITLE_HEIGHT + scenario.proxies.length * ROW_HEIGHT + PANEL_GAP;
    return `<g transform="translate(${column * PANEL_WIDTH} ${top})">${drawPanel(scenario)}</g>`;
  });
  const [width, height] = [COLUMNS * PANEL_WIDTH, Math.max(...bottoms) + FOOT_HEIGHT];
  const foot = `${date.slice(0, 10)} · commit ${commit} · ${machine.cpu}, ${machine.cores} cores · Linux ${machine.kernel} · median of per-round ratios, bootstrap 95 % intervals`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Cost of Steelyard and other proxies, by scenario">
<style>${STYLE}
</style>
${text(MARGIN, 28, 'What it costs, in times of nginx: less is better', 'title')}
${text(MARGIN, 48, 'CPU time where nothing else is said. Where nginx has no part, the last of the panel is the measure.', 'small')}
${panels.join('\n')}
${text(MARGIN, height - 12, foot, 'small')}
</svg>
`;
}

function drawPanel({ name, title, metric, proxies, samples }: ScenarioSummary): string {
  const reference = proxies.find((proxy) => proxy.name === REFERENCE) ?? proxies.at(-1)!;
  const scale = (PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH - MARGIN) / MOST_TIMES;
  const x = (times: number): number => round(LABEL_WIDTH + MARGIN + Math.min(times, MOST_TIMES) * scale);
  const bottom = TITLE_HEIGHT + proxies.length * ROW_HEIGHT;
  const bars = proxies.map((proxy, row) => {
    const ratio = timesOf(samples, proxy.name, reference.name);
    const figure = `${ratio.median.toFixed(2)} × · ${grouped(proxy.cost.median, metric.digits)} ${unitOf(metric.label)}`;
    return drawBar(proxy.name, proxy === proxies[0], ratio, figure, TITLE_HEIGHT + row * ROW_HEIGHT, x);
  });
  return [
    text(MARGIN, 16, `${name}${metric.better === 'more' ? ' (more is better)' : ''}`, 'panel'),
    text(MARGIN, 33, title.length > MOST_LETTERS ? `${title.slice(0, MOST_LETTERS - 1)}…` : title, 'small'),
    ...bars,
    `<line class="one" x1="${x(1)}" x2="${x(1)}" y1="${TITLE_HEIGHT - 5}" y2="${bottom}"/>`,
  ].join('\n');
}
const MOST_LETTERS = 96;

function drawBar(name: string, isOurs: boolean, ratio: Estimate, figure: string, top: number, x: (times: number) => number): string {
  const middle = top + BAR_HEIGHT / 2;
  const isCut = ratio.median > MOST_TIMES;
  const [low, high] = [x(ratio.low), x(ratio.high)];
  return [
    text(LABEL_WIDTH + MARGIN - 8, middle + 4, name, '', 'end'),
    `<rect class="bar${isOurs ? ' ours' : ''}" x="${x(0)}" y="${top}" width="${round(x(ratio.median) - x(0))}" height="${BAR_HEIGHT}" rx="2"/>`,
    isCut
      ? `<path class="cut" d="M${x(MOST_TIMES) - 14} ${top + BAR_HEIGHT + 1}l5 ${-BAR_HEIGHT - 2}h4l-5 ${BAR_HEIGHT + 2}z"/>`
      : `<path class="interval" d="M${low} ${middle}H${high}M${low} ${middle - 4}v8M${high} ${middle - 4}v8"/>`,
    // Behind the line at 1 too, which would cross it.
    text((isCut ? x(MOST_TIMES) : Math.max(high, x(ratio.median), x(1))) + 8, middle + 4, figure),
  ].join('\n');
}

/** Cost of one in times of the other's, round by round. */
function timesOf(samples: readonly Sample[], name: string, reference: string): Estimate {
  const costs = (proxy: string): number[] => samples.filter((sample) => sample.name === proxy).sort((a, b) => a.round - b.round).map(({ cost }) => cost);
  const theirs = costs(reference);
  return estimate(costs(name).map((cost, i) => cost / theirs[i]!), seededRandom(SEED));
}

/** `CPU µs/request` → `µs/request` */
function unitOf(label: string): string {
  return label.replace(/^(CPU|p99) /, '');
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
