/** results/latest.svg: a bar a proxy, with the interval of its median. Readable on light and dark pages, without scripts or fonts of its own. */
import type { Report } from './report.ts';
import type { Estimate } from '../statistics.ts';
import type { ProxySummary, ScenarioSummary } from './summary.ts';

const WIDTH = 760;
const LABEL_WIDTH = 130;
/** For the figures behind the longest bar. */
const FIGURE_WIDTH = 250;
const BAR_HEIGHT = 22;
const ROW_HEIGHT = 36;
const HEAD_HEIGHT = 62;
const AXIS_HEIGHT = 34;
const FOOT_HEIGHT = 26;
const MOST_TICKS = 6;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 16px; font-weight: 600; }
  .small { font-size: 11px; fill: #57606a; }
  .grid { stroke: #d0d7de; }
  .bar { fill: #8c959f; }
  .ours { fill: #0969da; }
  .interval { stroke: #24292f; stroke-width: 1.5; fill: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .bar { fill: #656c76; }
    .ours { fill: #4493f8; }
    .interval { stroke: #e6edf3; }
  }`;

export function toChart({ scenarios, date, machine, programs }: Report): string {
  const versions = new Map(programs.map(({ name, version }) => [name, version]));
  let y = 0;
  const parts: string[] = [];
  for (const scenario of scenarios) {
    parts.push(`<g transform="translate(0 ${y})">${drawScenario(scenario, versions)}</g>`);
    y += HEAD_HEIGHT + scenario.proxies.length * ROW_HEIGHT + AXIS_HEIGHT;
  }
  const foot = `${date.slice(0, 10)} · ${machine.cpu}, ${machine.cores} cores · Linux ${machine.kernel} · bootstrap 95 % intervals of medians`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + FOOT_HEIGHT}" width="${WIDTH}" height="${y + FOOT_HEIGHT}" role="img" aria-label="CPU time per request">
<style>${STYLE}
</style>
${parts.join('\n')}
${text(16, y + 10, foot, 'small')}
</svg>
`;
}

function drawScenario({ title, proxies, ratios }: ScenarioSummary, versions: ReadonlyMap<string, string>): string {
  const step = tickStep(Math.max(...proxies.map(({ cpuUs }) => cpuUs.high)));
  const most = Math.ceil(Math.max(...proxies.map(({ cpuUs }) => cpuUs.high)) / step) * step;
  const x = (us: number): number => round(LABEL_WIDTH + (us / most) * (WIDTH - LABEL_WIDTH - FIGURE_WIDTH));
  const bottom = HEAD_HEIGHT + proxies.length * ROW_HEIGHT;
  const lines = [text(16, 24, 'CPU time per request, µs: less is better', 'title'), text(16, 44, title, 'small')];
  for (let us = 0; us <= most; us += step) {
    lines.push(`<line class="grid" x1="${x(us)}" x2="${x(us)}" y1="${HEAD_HEIGHT - 4}" y2="${bottom}"/>`, text(x(us), bottom + 16, String(us), 'small', 'middle'));
  }
  proxies.forEach((proxy, row) => {
    const ratio = ratios.find(({ peer }) => peer === proxy.name);
    lines.push(drawBar(proxy, HEAD_HEIGHT + row * ROW_HEIGHT, x, ratio, versions.get(proxy.name) ?? ''));
  });
  return lines.join('\n');
}

/** @param ratio Steelyard's to this proxy's; `undefined` for Steelyard itself */
function drawBar({ name, cpuUs }: ProxySummary, top: number, x: (us: number) => number, ratio: Estimate | undefined, version: string): string {
  const middle = top + BAR_HEIGHT / 2;
  const [low, high] = [x(cpuUs.low), x(cpuUs.high)];
  return [
    text(LABEL_WIDTH - 10, middle + 1, name, '', 'end'),
    text(LABEL_WIDTH - 10, middle + 14, version, 'small', 'end'),
    `<rect class="bar${ratio ? '' : ' ours'}" x="${x(0)}" y="${top}" width="${round(x(cpuUs.median) - x(0))}" height="${BAR_HEIGHT}" rx="2"/>`,
    `<path class="interval" d="M${low} ${middle}H${high}M${low} ${middle - 5}v10M${high} ${middle - 5}v10"/>`,
    text(high + 10, middle + 5, `${cpuUs.median.toFixed(1)} µs${ratio ? ` · Steelyard: ${ratio.median.toFixed(2)} times (${ratio.low.toFixed(2)} – ${ratio.high.toFixed(2)})` : ''}`),
  ].join('\n');
}

/** 1, 2 or 5 times a power of ten, so that there are few lines. */
function tickStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / MOST_TICKS));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => most / step <= MOST_TICKS)!;
}

function text(x: number, y: number, content: string, className = '', anchor = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}"${className === '' ? '' : ` class="${className}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
