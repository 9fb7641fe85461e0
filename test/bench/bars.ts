/** What Steelyard is to reach, and whether it does. */
import type { Estimate } from './statistics.ts';

export interface Bar {
  scenario: string;
  /** The ratio to whom; absent: the cost itself, in the metric's unit. */
  to?: string;
  /** Less is better, unless `least`. */
  most?: number;
  least?: number;
}

const ratios = (scenario: string, most: Record<string, number>): Bar[] => Object.entries(most).map(([to, limit]) => ({ scenario, to, most: limit }));

export const BARS: readonly Bar[] = [
  ...ratios('small-get', { nginx: 1.15, haproxy: 1.15, caddy: 0.28, 'http-proxy-3': 0.14 }),
  ...ratios('new-connection', { nginx: 1.6, haproxy: 1.6, caddy: 0.6, 'http-proxy-3': 0.4 }),
  ...ratios('get-1m', { nginx: 1.3, haproxy: 1.3, caddy: 0.8, 'http-proxy-3': 0.8 }),
  ...ratios('tcp-round-trips', { nginx: 1.1, haproxy: 1.2 }),
  ...ratios('tcp-bulk', { nginx: 1.2, haproxy: 1.5 }),
  ...ratios('half-load', { nginx: 1.5 }),
  ...ratios('ten-plugins', { steelyard: 1.05 }),
  { scenario: 'heap', most: 1_024 },
  { scenario: 'heap-1k', most: 1_024 },
  { scenario: 'idle-connections', most: 16 },
  { scenario: 'workers', to: 'one worker', least: 1.8 },
];

/** A bar is met when the better end of the 95 % interval reaches it. */
export function isMet({ most, least }: Bar, { low, high }: Estimate): boolean {
  return (most === undefined || low <= most) && (least === undefined || high >= least);
}

/** `≤ 1.15` */
export function limitOf({ most, least }: Bar): string {
  return [most === undefined ? '' : `≤ ${most.toLocaleString('en')}`, least === undefined ? '' : `≥ ${least.toLocaleString('en')}`].filter((part) => part !== '').join(', ');
}
