/** One of the small multiples: lines and dots over the time of the run. */
import { round, text } from '../../report/svg.ts';

export interface Point {
  /** Seconds since the start. */
  x: number;
  y: number;
}

export interface Panel {
  title: string;
  lines: { name: string; points: readonly Point[] }[];
  /** Quiet points. */
  dots: readonly Point[];
  /** Of the dots behind the warm-up. */
  slopePerHour?: number | undefined;
}

export interface Frame {
  x: (seconds: number) => number;
  /** Of the run. Seconds. */
  end: number;
  warmUpSeconds: number;
  left: number;
  right: number;
  /** Of its column: it has the times below it. */
  isLast: boolean;
}

export const PANEL_HEIGHT = 128;
const TITLE_HEIGHT = 22;
const PLOT_HEIGHT = 74;
const BOTTOM = TITLE_HEIGHT + PLOT_HEIGHT;
const LETTER_WIDTH = 6;
const TITLE_LETTER_WIDTH = 8;
/** Between two times of the axis. Seconds. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
const MOST_TIMES = 8;
const SECONDS_PER_HOUR = 3_600;

export function drawPanel({ title, lines, dots, slopePerHour }: Panel, { x, end, warmUpSeconds, left, right, isLast }: Frame): string {
  const values = [...lines.flatMap(({ points }) => points), ...dots].map((point) => point.y);
  const top = roundUp(Math.max(0, ...values));
  const y = (value: number): number => round(BOTTOM - (value / top) * PLOT_HEIGHT);
  const drawn = lines.map(({ points }, i) => `<path class="line c${i % 7}" d="${pathOf(points, x, y)}"/>`);
  const marks = dots.map((dot) => `<circle class="dot" cx="${x(dot.x)}" cy="${y(dot.y)}" r="2"/>`);
  return [
    `<rect class="warm" x="${left}" y="${TITLE_HEIGHT}" width="${round(Math.min(x(warmUpSeconds), right) - left)}" height="${PLOT_HEIGHT}"/>`,
    `<path class="axis" d="M${left} ${y(top)}H${right}M${left} ${y(top / 2)}H${right}M${left} ${BOTTOM}H${right}"/>`,
    text(left, 14, title, 'panel'),
    ...legendOf(lines, dots, left + title.length * TITLE_LETTER_WIDTH + 16),
    ...[0, top / 2, top].map((value) => text(left - 6, y(value) + 4, nameOf(value), 'small', 'end')),
    ...drawn, ...marks,
    ...(slopePerHour === undefined ? [] : [trendOf(dots.filter((dot) => dot.x >= warmUpSeconds), slopePerHour, x, y)]),
    ...(isLast ? timesOf(end).map((seconds) => text(x(seconds), BOTTOM + 16, timeOf(seconds, end), 'small', 'middle')) : []),
  ].join('');
}

function pathOf(points: readonly Point[], x: (value: number) => number, y: (value: number) => number): string {
  return points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`).join('');
}

/** Of one line alone the title says all. */
function legendOf(lines: Panel['lines'], dots: readonly Point[], from: number): string[] {
  let at = from;
  return [...lines.map(({ name }, i) => ({ name, color: i % 7 })), ...(dots.length > 0 ? [{ name: 'quiet', color: 0 }] : [])].map(({ name, color }, i) => {
    const drawn = i < lines.length ? `<path class="line c${color}" d="M${at} 10h12"/>` : `<circle class="dot" cx="${at + 6}" cy="10" r="2.5"/>`;
    const label = text(at + 15, 14, name, 'small');
    at += 15 + name.length * LETTER_WIDTH + 12;
    return drawn + label;
  });
}

/** Through the middle of the dots. */
function trendOf(dots: readonly Point[], slopePerHour: number, x: (value: number) => number, y: (value: number) => number): string {
  const [first, last] = [dots[0], dots.at(-1)];
  if (!first || !last) return '';
  const residues = dots.map((dot) => dot.y - (slopePerHour * dot.x) / SECONDS_PER_HOUR).sort((a, b) => a - b);
  const at = (seconds: number): number => residues[residues.length >> 1]! + (slopePerHour * seconds) / SECONDS_PER_HOUR;
  return `<path class="trend" d="M${x(first.x)} ${y(at(first.x))}L${x(last.x)} ${y(at(last.x))}"/>`;
}

/** To 1, 2, 3, 4, 5, 6 or 8 times a power of ten. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value)! * power;
}

function nameOf(value: number): string {
  return value === 0 || Number.isInteger(value) ? value.toLocaleString('en') : Number(value.toPrecision(2)).toLocaleString('en');
}

function timesOf(end: number): number[] {
  const step = STEPS.find((each) => end / each <= MOST_TIMES) ?? end;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

function timeOf(seconds: number, end: number): string {
  return end < 120 ? `${seconds} s` : `${Number((seconds / 60).toFixed(1))} min`;
}
