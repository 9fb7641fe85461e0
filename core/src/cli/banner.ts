/** What a person sees when the balancer is ready. */
import { styleText } from 'node:util';
import type { Description } from '../description.ts';

export interface BannerFacts {
  version: string;
  /** As the user would write it. */
  configFile: string;
  readyMs: number;
  description: Description;
}

const MOST_BACKENDS = 12;

export function banner({ version, configFile, readyMs, description }: BannerFacts): string {
  const rows: [label: string, text: string][] = [];
  for (const { name, protocol, host, port } of description.listeners) rows.push([name, styleText('cyan', `${protocol}://${shownHost(host)}:${port}`)]);
  for (const pool of description.pools) {
    rows.push(['', ''], [`pool ${pool.name}`, pool.strategy]);
    for (const backend of pool.backends.slice(0, MOST_BACKENDS)) {
      const weight = backend.weight === 1 ? '' : `  weight ${backend.weight}`;
      rows.push(['', `${backend.url}${weight}${shownHealth(backend.health)}`]);
    }
    if (pool.backends.length > MOST_BACKENDS) rows.push(['', `and ${pool.backends.length - MOST_BACKENDS} more`]);
    if (pool.backends.length === 0) rows.push(['', styleText('yellow', 'no backends yet')]);
  }
  if (description.plugins.length > 0) rows.push(['', ''], ['plugins', description.plugins.join(', ')]);
  for (const { plugin, host, port } of description.served) rows.push([plugin, styleText('cyan', `http://${shownHost(host)}:${port}`)]);
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text]) => (label === '' ? `  ${' '.repeat(width)}  ${text}` : `  ${styleText('bold', label.padEnd(width))}  ${text}`).trimEnd());
  const title = `  ${styleText(['bold', 'green'], `steelyard ${version}`)}  ready in ${Math.round(readyMs)} ms  ${styleText('dim', `${configFile}  pid ${process.pid}`)}`;
  const close = styleText('dim', '  Ctrl-C lets open requests end, then stops; once more stops now.');
  return ['', title, '', ...lines, '', close, ''].join('\n');
}

/** All addresses of the machine are reached by its own name as well. */
function shownHost(host: string): string {
  if (host === '::' || host === '0.0.0.0') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

/** Nothing for `unknown`: that is how every backend without a check stands. */
function shownHealth(health: string): string {
  if (health === 'up') return `  ${styleText('green', 'up')}`;
  return health === 'down' ? `  ${styleText('red', 'down')}` : '';
}
