/** The numbers of one listener and route: which cell holds what, and how they are shown. */
import type { MetricFamily } from '@steelyard/sdk';
import { HISTOGRAM_CELLS, histogramSample, LATENCY_BOUNDS_SECONDS } from './histogram.ts';

/** By class: none, 1xx to 5xx. */
export const REQUEST_STATUS = 0;
export const ANSWERED_BY_BACKEND = 6;
export const ANSWERED_BY_BALANCER = 7;
export const ANSWERED_BY_PLUGIN = 8;
export const ANSWERED_BY_NOBODY = 9;
export const ENDED_BY_CLIENT = 10;
export const ENDED_BY_BACKEND = 11;
export const ENDED_BY_BALANCER = 12;
export const ENDED_BY_PLUGIN = 13;
export const BYTES_FROM_CLIENT = 14;
export const BYTES_TO_CLIENT = 15;
export const DURATION_SECONDS = 16;
export const FIRST_BYTE_SECONDS = DURATION_SECONDS + HISTOGRAM_CELLS;
/** Client connections of a listener: counted beside its exchanges without a route. */
export const CONNECTIONS_OPENED = FIRST_BYTE_SECONDS + HISTOGRAM_CELLS;
export const CONNECTIONS_CLOSED = CONNECTIONS_OPENED + 1;
export const CONNECTIONS_REFUSED = CONNECTIONS_CLOSED + 1;
export const ROUTE_CELLS = CONNECTIONS_REFUSED + 1;

/** `none` = nothing was sent, or TCP. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'];
const ANSWERERS = ['backend', 'balancer', 'plugin', 'nobody'];
const ENDERS = ['client', 'backend', 'balancer', 'plugin'];

interface Place {
  readonly listener: string;
  readonly route: string;
  readonly offset: number;
}

export function routeFamilies(cells: Float64Array, places: readonly Place[]): MetricFamily[] {
  const each = (name: string, help: string, label: string, values: readonly string[], first: number): MetricFamily => ({
    name, help, type: 'counter',
    samples: places.flatMap(({ listener, route, offset }) => values.map((value, i) => ({ labels: { listener, route, [label]: value }, value: cells[offset + first + i]! }))),
  });
  const one = (name: string, help: string, cell: number): MetricFamily => ({
    name, help, type: 'counter', samples: places.map(({ listener, route, offset }) => ({ labels: { listener, route }, value: cells[offset + cell]! })),
  });
  const histogram = (name: string, help: string, first: number): MetricFamily => ({
    name, help, type: 'histogram', bounds: LATENCY_BOUNDS_SECONDS,
    samples: places.map(({ listener, route, offset }) => ({ labels: { listener, route }, ...histogramSample(cells, offset + first, LATENCY_BOUNDS_SECONDS.length) })),
  });
  return [
    each('steelyard_requests_total', 'Requests ended, by class of the status sent (TCP connections and requests without an answer: none).', 'code', STATUS_CLASSES, REQUEST_STATUS),
    each('steelyard_requests_answered_total', 'Requests ended, by who answered.', 'by', ANSWERERS, ANSWERED_BY_BACKEND),
    each('steelyard_requests_aborted_total', 'Requests that did not come to their end, by who ended them.', 'by', ENDERS, ENDED_BY_CLIENT),
    one('steelyard_request_bytes_total', 'Body bytes received from clients.', BYTES_FROM_CLIENT),
    one('steelyard_response_bytes_total', 'Body bytes sent to clients.', BYTES_TO_CLIENT),
    histogram('steelyard_request_duration_seconds', 'From the complete request head to the last byte of the response.', DURATION_SECONDS),
    histogram('steelyard_request_first_byte_seconds', 'From the complete request head to the first byte sent to the client.', FIRST_BYTE_SECONDS),
  ];
}
