/** What the charts of this repository have in common: readable on light and dark pages, without scripts or fonts of their own. */

export const TEXT_STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 17px; font-weight: 600; }
  .panel { font-size: 13px; font-weight: 600; }
  .small { font-size: 11px; fill: #57606a; }`;

/** Goes into a `@media (prefers-color-scheme: dark)`. */
export const DARK_TEXT_STYLE = `
    text { fill: #e6edf3; }
    .small { fill: #9198a1; }`;

export function text(x: number, y: number, content: string, className = '', anchor: 'start' | 'middle' | 'end' = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}"${className === '' ? '' : ` class="${className}"`}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped}</text>`;
}

/** To a tenth of a pixel. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
