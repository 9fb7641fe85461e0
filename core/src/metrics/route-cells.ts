/** The numbers of one listener and route: which cell holds what, and how they are shown. */
import type { MetricFamily, Result } from '@steelyard/sdk';
import { HISTOGRAM_CELLS, histogramSample, LATENCY_BOUNDS_SECONDS, observe } from './histogram.ts';
import { classOf, STATUS_CLASSES } from './status-class.ts';

// Constants of this module, for the data path: V8 folds those, and loads an imported one each time.
/** By class: none, 1xx to 5xx. */
const REQUEST_STATUS = 0;
const ANSWERED_BY_BACKEND = 6;
const ANSWERED_BY_BALANCER = 7;
const ANSWERED_BY_PLUGIN = 8;
const ANSWERED_BY_NOBODY = 9;
const ENDED_BY_CLIENT = 10;
const ENDED_BY_BACKEND = 11;
const ENDED_BY_BALANCER = 12;
const ENDED_BY_PLUGIN = 13;
const BYTES_FROM_CLIENT = 14;
const BYTES_TO_CLIENT = 15;
const DURATION_SECONDS = 16;
const FIRST_BYTE_SECONDS = DURATION_SECONDS + HISTOGRAM_CELLS;
/** Client connections of a listener: counted beside its exchanges without a route. */
export const CONNECTIONS_OPENED = FIRST_BYTE_SECONDS + HISTOGRAM_CELLS;
export const CONNECTIONS_CLOSED = CONNECTIONS_OPENED + 1;
export const CONNECTIONS_REFUSED = CONNECTIONS_CLOSED + 1;
export const ROUTE_CELLS = CONNECTIONS_REFUSED + 1;

const ANSWERERS = ['backend', 'balancer', 'plugin', 'nobody'];
const ENDERS = ['client', 'backend', 'balancer', 'plugin'];

/** An exchange has ended. @param at where the counters of its listener and route begin. */
export function countExchange(cells: Float64Array, at: number, result: Result): void {
  cells[at + REQUEST_STATUS + classOf(result.status)]!++;
  switch (result.answeredBy) {
    case 'backend': cells[at + ANSWERED_BY_BACKEND]!++; break;
    case 'balancer': cells[at + ANSWERED_BY_BALANCER]!++; break;
    case 'plugin': cells[at + ANSWERED_BY_PLUGIN]!++; break;
    case 'nobody': cells[at + ANSWERED_BY_NOBODY]!++; break;
    default: result.answeredBy satisfies never;
  }
  switch (result.abortedBy) {
    case undefined: break;
    case 'client': cells[at + ENDED_BY_CLIENT]!++; break;
    case 'balancer': cells[at + ENDED_BY_BALANCER]!++; break;
    case 'plugin': cells[at + ENDED_BY_PLUGIN]!++; break;
    case 'backend': cells[at + ENDED_BY_BACKEND]!++; break;
    default: result.abortedBy satisfies never;
  }
  cells[at + BYTES_FROM_CLIENT]! += result.bytesFromClient;
  cells[at + BYTES_TO_CLIENT]! += result.bytesToClient;
  observe(cells, at + DURATION_SECONDS, result.durationMs);
  if (result.firstByteMs >= 0) observe(cells, at + FIRST_BYTE_SECONDS, result.firstByteMs);
}

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
