/** The numbers of one backend: which cell holds what, and how they are shown. */
import type { HealthState, MetricFamily, Outcome } from '@steelyard/sdk';
import type { BackendState } from '../upstream/backend.ts';
import { HISTOGRAM_CELLS, histogramSample, LATENCY_BOUNDS_SECONDS, observe } from './histogram.ts';
import { classOf, STATUS_CLASSES } from './status-class.ts';

// Constants of this module, for the data path: V8 folds those, and loads an imported one each time.
/** Answered attempts by class: none (TCP), 1xx to 5xx. */
const ATTEMPT_STATUS = 0;
const FAILED_IN_CONNECT = 6;
const FAILED_IN_SEND = 7;
const FAILED_IN_HEAD = 8;
const FAILED_IN_BODY = 9;
const ABORTED_BY_CLIENT = 10;
const ABORTED_BY_BALANCER = 11;
const ABORTED_BY_PLUGIN = 12;
const BYTES_TO_BACKEND = 13;
const BYTES_FROM_BACKEND = 14;
const CONNECTS = 15;
const REUSES = 16;
const FLIPS_TO_UP = 17;
const FLIPS_TO_DOWN = 18;
const CONNECT_SECONDS = 19;
const RESPONSE_SECONDS = CONNECT_SECONDS + HISTOGRAM_CELLS;
export const BACKEND_CELLS = RESPONSE_SECONDS + HISTOGRAM_CELLS;

const PHASES = ['connect', 'send', 'head', 'body'];
const ABORTERS = ['client', 'balancer', 'plugin'];

/** A lease has ended. @param at where the backend's counters begin. */
export function countAttempt(cells: Float64Array, at: number, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'answered': cells[at + ATTEMPT_STATUS + classOf(outcome.status)]!++; break;
    case 'failed':
      switch (outcome.phase) {
        case 'connect': cells[at + FAILED_IN_CONNECT]!++; break;
        case 'send': cells[at + FAILED_IN_SEND]!++; break;
        case 'head': cells[at + FAILED_IN_HEAD]!++; break;
        case 'body': cells[at + FAILED_IN_BODY]!++; break;
        default: outcome.phase satisfies never;
      }
      break;
    case 'aborted':
      switch (outcome.by) {
        case 'client': cells[at + ABORTED_BY_CLIENT]!++; break;
        case 'balancer': cells[at + ABORTED_BY_BALANCER]!++; break;
        case 'plugin': cells[at + ABORTED_BY_PLUGIN]!++; break;
        default: outcome.by satisfies never;
      }
      break;
    default: outcome satisfies never;
  }
  cells[at + BYTES_TO_BACKEND]! += outcome.bytesToBackend;
  cells[at + BYTES_FROM_BACKEND]! += outcome.bytesFromBackend;
  if (outcome.firstByteMs >= 0) observe(cells, at + RESPONSE_SECONDS, outcome.firstByteMs);
  if (outcome.connectMs > 0) {
    cells[at + CONNECTS]!++;
    observe(cells, at + CONNECT_SECONDS, outcome.connectMs);
  } else if (outcome.bytesToBackend > 0) {
    cells[at + REUSES]!++;
  }
}

export function countFlip(cells: Float64Array, at: number, to: HealthState): void {
  if (to === 'up') cells[at + FLIPS_TO_UP]!++;
  if (to === 'down') cells[at + FLIPS_TO_DOWN]!++;
}

interface Row {
  readonly backend: BackendState;
  readonly offset: number;
}

export function backendFamilies(cells: Float64Array, rows: readonly Row[]): MetricFamily[] {
  const gauge = (name: string, help: string, value: (backend: BackendState) => number): MetricFamily => ({
    name, help, type: 'gauge', samples: rows.map(({ backend }) => ({ labels: labelsOf(backend), value: value(backend) })),
  });
  const each = (name: string, help: string, label: string, values: readonly string[], first: number): MetricFamily => ({
    name, help, type: 'counter',
    samples: rows.flatMap(({ backend, offset }) => values.map((value, i) => ({ labels: { ...labelsOf(backend), [label]: value }, value: cells[offset + first + i]! }))),
  });
  const histogram = (name: string, help: string, first: number): MetricFamily => ({
    name, help, type: 'histogram', bounds: LATENCY_BOUNDS_SECONDS,
    samples: rows.map(({ backend, offset }) => ({ labels: labelsOf(backend), ...histogramSample(cells, offset + first, LATENCY_BOUNDS_SECONDS.length) })),
  });
  return [
    gauge('steelyard_backend_up', '0 = a health mark stands against the backend, 1 = none does (also while nothing is known yet).', ({ health }) => (health === 'down' ? 0 : 1)),
    gauge('steelyard_backend_unknown', '1 = no check and no request has decided about the backend yet.', ({ health }) => (health === 'unknown' ? 1 : 0)),
    gauge('steelyard_backend_draining', '1 = the backend finishes what it has and gets nothing new.', ({ draining }) => (draining ? 1 : 0)),
    gauge('steelyard_backend_weight', 'Weight as configured.', ({ weight }) => weight),
    gauge('steelyard_backend_in_flight', 'Attempts open now.', ({ inFlight }) => inFlight),
    outcomes(cells, rows),
    each('steelyard_backend_responses_total', 'Complete responses, by class of their status (TCP: none).', 'code', STATUS_CLASSES, ATTEMPT_STATUS),
    each('steelyard_backend_failures_total', 'Attempts that failed for the fault of the backend, by how far they came.', 'phase', PHASES, FAILED_IN_CONNECT),
    each('steelyard_backend_aborted_total', 'Attempts that somebody else ended.', 'by', ABORTERS, ABORTED_BY_CLIENT),
    each('steelyard_backend_connections_total', 'Connections to the backend used by attempts: new, or idle ones used again.', 'kind', ['new', 'reused'], CONNECTS),
    each('steelyard_backend_bytes_total', 'Bytes exchanged with the backend.', 'direction', ['to', 'from'], BYTES_TO_BACKEND),
    each('steelyard_backend_health_changes_total', 'Flips of the health of the backend.', 'to', ['up', 'down'], FLIPS_TO_UP),
    histogram('steelyard_backend_connect_seconds', 'From the start of an attempt to its new connection.', CONNECT_SECONDS),
    histogram('steelyard_backend_response_seconds', 'From the start of an attempt to the first byte of the response.', RESPONSE_SECONDS),
  ];
}

/** Derived from the finer counts when asked for, so that the data path counts each attempt once. */
function outcomes(cells: Float64Array, rows: readonly Row[]): MetricFamily {
  return {
    name: 'steelyard_backend_attempts_total', type: 'counter', help: 'Attempts ended, by outcome.',
    samples: rows.flatMap(({ backend, offset }) => [
      { labels: { ...labelsOf(backend), outcome: 'answered' }, value: sum(cells, offset + ATTEMPT_STATUS, STATUS_CLASSES.length) },
      { labels: { ...labelsOf(backend), outcome: 'failed' }, value: sum(cells, offset + FAILED_IN_CONNECT, PHASES.length) },
      { labels: { ...labelsOf(backend), outcome: 'aborted' }, value: sum(cells, offset + ABORTED_BY_CLIENT, ABORTERS.length) },
    ]),
  };
}

function sum(cells: Float64Array, first: number, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += cells[first + i]!;
  return total;
}

/** The pool is a label of its own: an id of the usual form `pool/http://10.0.0.1:80` is shown without it. */
function labelsOf({ pool, id }: BackendState): { pool: string; backend: string } {
  return { pool, backend: id.startsWith(`${pool}/`) ? id.slice(pool.length + 1) : id };
}
