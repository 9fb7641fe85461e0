import { beforeEach, describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import type { Labels, MetricFamily, Outcome, Result } from '@steelyard/sdk';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { CounterBook } from '../../core/src/metrics/counter-book.ts';
import { bucketOf, LATENCY_BOUNDS_SECONDS } from '../../core/src/metrics/histogram.ts';
import { processFamilies, ThreadMetrics } from '../../core/src/metrics/process.ts';
import { TrafficMetrics } from '../../core/src/metrics/traffic.ts';
import { BackendState } from '../../core/src/upstream/backend.ts';

const RESULT: Result = {
  status: 200, backend: undefined, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '', bytesFromClient: 10, bytesToClient: 100, firstByteMs: 2, durationMs: 30,
};
const FACTS = { connectMs: 0, firstByteMs: 2, durationMs: 3, bytesToBackend: 10, bytesFromBackend: 100 };
const ANSWERED: Outcome = { ...FACTS, kind: 'answered', status: 200 };

let board: Scoreboard;
let traffic: TrafficMetrics;
beforeEach(() => {
  board = Scoreboard.create({ workers: 0, isShared: false, rows: 2 });
  traffic = new TrafficMetrics(board);
});

function backends(count: number): BackendState[] {
  return Array.from({ length: count }, (_, i) => new BackendState('web', {
    id: i === 1 ? 'mine' : `web/http://10.0.0.${i}:80`, url: `http://10.0.0.${i}:80`, protocol: 'http', host: `10.0.0.${i}`, port: 80, address: `10.0.0.${i}:80`,
    weight: 1, maxInFlight: Infinity, labels: {}, zone: '', priority: 0, drain: false,
  }, board, () => {}));
}
function samplesOf(families: readonly MetricFamily[], name: string): MetricFamily['samples'] {
  return families.find((family) => family.name === name)!.samples;
}
function valueOf(families: readonly MetricFamily[], name: string, labels: Labels): number {
  const sample = samplesOf(families, name).find((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))!;
  return 'value' in sample ? sample.value : sample.count;
}

describe('exchanges', () => {
  it('are counted by listener, route, status class, who answered and who ended them', () => {
    const web = traffic.routeCounters('http-80', 'web');
    const none = traffic.routeCounters('http-80');
    for (const status of [200, 204, 301, 404, 503]) traffic.exchange(web, { ...RESULT, status });
    traffic.exchange(none, { ...RESULT, status: 0, answeredBy: 'nobody', abortedBy: 'client', firstByteMs: -1 });
    const families = traffic.snapshot([]);
    const web2 = { listener: 'http-80', route: 'web' };
    expect(['none', '1xx', '2xx', '3xx', '4xx', '5xx'].map((code) => valueOf(families, 'steelyard_requests_total', { ...web2, code }))).toEqual([0, 0, 2, 1, 1, 1]);
    expect(valueOf(families, 'steelyard_requests_total', { route: '', code: 'none' })).toBe(1);
    expect(valueOf(families, 'steelyard_requests_answered_total', { ...web2, by: 'backend' })).toBe(5);
    expect(valueOf(families, 'steelyard_requests_answered_total', { route: '', by: 'nobody' })).toBe(1);
    expect(valueOf(families, 'steelyard_requests_aborted_total', { route: '', by: 'client' })).toBe(1);
    expect(valueOf(families, 'steelyard_request_bytes_total', web2)).toBe(50);
    expect(valueOf(families, 'steelyard_response_bytes_total', web2)).toBe(500);
    expect(samplesOf(families, 'steelyard_request_duration_seconds')[0]).toMatchObject({ labels: web2, count: 5, sum: expect.closeTo(0.15) });
    expect(valueOf(families, 'steelyard_request_first_byte_seconds', { route: '' })).toBe(0);
  });
  it('keep their counters by name: a reload asks again and goes on counting', () => {
    traffic.exchange(traffic.routeCounters('http-80', 'web'), RESULT);
    // More than fit at first: the cells move, the counts stay.
    for (let i = 0; i < 100; i++) traffic.exchange(traffic.routeCounters('http-80', `r${i}`), RESULT);
    traffic.exchange(traffic.routeCounters('http-80', 'web'), RESULT);
    expect(valueOf(traffic.snapshot([]), 'steelyard_requests_total', { route: 'web', code: '2xx' })).toBe(2);
    expect(valueOf(traffic.snapshot([]), 'steelyard_requests_total', { route: 'r99', code: '2xx' })).toBe(1);
  });
});

describe('attempts', () => {
  let a: BackendState;
  let b: BackendState;
  beforeEach(() => {
    [a, b] = backends(2) as [BackendState, BackendState];
  });
  const at = { pool: 'web', backend: 'http://10.0.0.0:80' };

  it('are counted by outcome, each once', () => {
    const outcomes: Outcome[] = [
      ANSWERED, { ...ANSWERED, status: 500 },
      ...(['connect', 'send', 'head', 'body'] as const).map((phase): Outcome => ({ ...FACTS, kind: 'failed', phase, code: 'ERR_UPSTREAM_CLOSED', status: 0, firstByteMs: -1 })),
      ...(['client', 'balancer', 'plugin'] as const).map((by): Outcome => ({ ...FACTS, kind: 'aborted', by, status: 0, firstByteMs: -1 })),
    ];
    for (const outcome of outcomes) traffic.attempt(a, outcome);
    const families = traffic.snapshot([a, b]);
    expect(['answered', 'failed', 'aborted'].map((outcome) => valueOf(families, 'steelyard_backend_attempts_total', { ...at, outcome }))).toEqual([2, 4, 3]);
    for (const phase of ['connect', 'send', 'head', 'body']) expect(valueOf(families, 'steelyard_backend_failures_total', { ...at, phase })).toBe(1);
    for (const by of ['client', 'balancer', 'plugin']) expect(valueOf(families, 'steelyard_backend_aborted_total', { ...at, by })).toBe(1);
    expect(valueOf(families, 'steelyard_backend_responses_total', { ...at, code: '5xx' })).toBe(1);
    expect(valueOf(families, 'steelyard_backend_bytes_total', { ...at, direction: 'to' })).toBe(90);
    expect(valueOf(families, 'steelyard_backend_bytes_total', { ...at, direction: 'from' })).toBe(900);
    expect(valueOf(families, 'steelyard_backend_response_seconds', at)).toBe(2);
    expect(valueOf(families, 'steelyard_backend_attempts_total', { backend: 'mine', outcome: 'answered' })).toBe(0);
  });
  it('tell new connections from idle ones used again, and neither from a connect that failed', () => {
    traffic.attempt(a, { ...ANSWERED, connectMs: 4 });
    traffic.attempt(a, ANSWERED);
    traffic.attempt(a, ANSWERED);
    traffic.attempt(a, { ...FACTS, kind: 'failed', phase: 'connect', code: 'ERR_UPSTREAM_CONNECT', status: 0, bytesToBackend: 0, firstByteMs: -1 });
    const families = traffic.snapshot([a]);
    expect(['new', 'reused'].map((kind) => valueOf(families, 'steelyard_backend_connections_total', { kind }))).toEqual([1, 2]);
    expect(samplesOf(families, 'steelyard_backend_connect_seconds')[0]).toMatchObject({ count: 1, sum: 0.004 });
  });
  it('of a backend that has left are not those of the one that gets its row', () => {
    const many = backends(40);
    for (const backend of many) traffic.attempt(backend, ANSWERED);
    many[39]!.retire();
    const [young] = backends(1) as [BackendState];
    expect(young.row).toBe(many[39]!.row);
    traffic.attempt(young, ANSWERED);
    traffic.attempt(young, ANSWERED);
    const answered = (backend: BackendState): number => valueOf(traffic.snapshot([backend]), 'steelyard_backend_attempts_total', { outcome: 'answered' });
    expect([answered(many[38]!), answered(young)]).toEqual([1, 2]);
  });
  it('stand beside the state of the backend', () => {
    const [x, y] = backends(2) as [BackendState, BackendState];
    x.mark('http-check', 'answered 500', 0);
    traffic.healthChanged(x, 'down');
    const families = traffic.snapshot([x, y]);
    expect(samplesOf(families, 'steelyard_backend_up')).toMatchObject([{ value: 0 }, { value: 1 }]);
    expect(samplesOf(families, 'steelyard_backend_unknown')).toMatchObject([{ value: 0 }, { value: 1 }]);
    expect(samplesOf(families, 'steelyard_backend_in_flight')).toMatchObject([{ value: 0 }, { value: 0 }]);
    expect(valueOf(families, 'steelyard_backend_health_changes_total', { ...at, to: 'down' })).toBe(1);
  });
});

describe('the rest', () => {
  it('counts connections, retries and reloads', () => {
    traffic.started(1);
    for (let i = 0; i < 3; i++) traffic.connectionOpened('http-80');
    traffic.connectionRefused('http-80');
    traffic.connectionClosed('http-80');
    traffic.retry('web');
    traffic.reload(true, 2);
    traffic.reload(false);
    const families = traffic.snapshot([]);
    expect(valueOf(families, 'steelyard_connections_open', { listener: 'http-80' })).toBe(2);
    expect(valueOf(families, 'steelyard_connections_total', { listener: 'http-80' })).toBe(3);
    expect(valueOf(families, 'steelyard_connections_refused_total', { listener: 'http-80' })).toBe(1);
    expect(valueOf(families, 'steelyard_retries_total', { pool: 'web' })).toBe(1);
    expect(['ok', 'failed'].map((result) => valueOf(families, 'steelyard_reloads_total', { result }))).toEqual([1, 1]);
    expect(valueOf(families, 'steelyard_generation', {})).toBe(2);
  });
  it('has names by the rules of Prometheus: counters end in _total, nothing else does, each name once', () => {
    const families = [...traffic.snapshot([]), ...processFamilies(), ...new ThreadMetrics('main').snapshot()];
    for (const { name, type, help } of families) {
      expect(name).toMatch(/^(steelyard|process|nodejs)_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(help).toMatch(/\.$/);
    }
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  });
  it('finds the bucket that a plain search finds', () => {
    fc.assert(fc.property(fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(...LATENCY_BOUNDS_SECONDS)), (value) => {
      const plain = LATENCY_BOUNDS_SECONDS.findIndex((bound) => value <= bound);
      return bucketOf(LATENCY_BOUNDS_SECONDS, value) === (plain < 0 ? LATENCY_BOUNDS_SECONDS.length : plain);
    }));
  });
  it('measures the process: its counters never go back', () => {
    const metrics = new ThreadMetrics('main');
    metrics.start();
    const [first, second] = [[...processFamilies(), ...metrics.snapshot()], [...processFamilies(), ...metrics.snapshot()]];
    metrics.stop();
    expect(valueOf(second, 'process_cpu_seconds_total', {})).toBeGreaterThanOrEqual(valueOf(first, 'process_cpu_seconds_total', {}));
    const busy = 'steelyard_event_loop_busy_seconds_total';
    expect(valueOf(second, busy, { thread: 'main' })).toBeGreaterThanOrEqual(valueOf(first, busy, { thread: 'main' }));
    expect(valueOf(second, 'process_resident_memory_bytes', {})).toBeGreaterThan(1e6);
  });
});

describe('with workers', () => {
  /** Main's and two workers', as they are put together there. */
  function crew(): { main: TrafficMetrics; workers: TrafficMetrics[]; shared: Scoreboard; book: CounterBook; backend: BackendState } {
    const shared = Scoreboard.create({ workers: 2, isShared: true, rows: 1 });
    const book = new CounterBook(shared);
    book.declare({ listeners: [{ name: 'http-80' }], routes: [{ name: 'web', listeners: ['http-80'] }], pools: [{ name: 'web' }] });
    board = shared;
    const [backend] = backends(1) as [BackendState];
    const workers = [1, 2].map((block) => {
      const theirs = Scoreboard.attach(shared.memory, block);
      const copy = new CounterBook(theirs);
      copy.adopt(book.entries());
      return new TrafficMetrics(theirs, copy);
    });
    return { main: new TrafficMetrics(shared, book), workers, shared, book, backend };
  }

  it('main shows the sum over all threads, and what it counts itself', () => {
    const { main, workers, backend } = crew();
    for (const worker of workers) {
      worker.exchange(worker.routeCounters('http-80', 'web'), RESULT);
      worker.attempt(backend, ANSWERED);
      worker.connectionOpened('http-80');
      worker.connectionRefused('http-80');
      worker.retry('web');
    }
    workers[1]!.connectionClosed('http-80');
    main.healthChanged(backend, 'down');
    const families = main.snapshot([backend]);
    expect(valueOf(families, 'steelyard_requests_total', { route: 'web', code: '2xx' })).toBe(2);
    expect(samplesOf(families, 'steelyard_request_duration_seconds').find(({ labels }) => labels['route'] === 'web')).toMatchObject({ count: 2, sum: expect.closeTo(0.06) });
    expect(valueOf(families, 'steelyard_backend_attempts_total', { outcome: 'answered' })).toBe(2);
    expect(samplesOf(families, 'steelyard_backend_response_seconds')).toMatchObject([{ count: 2, sum: expect.closeTo(0.004) }]);
    expect(valueOf(families, 'steelyard_backend_health_changes_total', { to: 'down' })).toBe(1);
    expect(valueOf(families, 'steelyard_retries_total', { pool: 'web' })).toBe(2);
    expect(['total', 'refused_total', 'open'].map((name) => valueOf(families, `steelyard_connections_${name}`, { listener: 'http-80' }))).toEqual([2, 2, 1]);
  });

  it('a worker that has ended has no connection open, and its counts stay', () => {
    const { main, workers } = crew();
    for (const worker of workers) for (let i = 0; i < 3; i++) worker.connectionOpened('http-80');
    workers[0]!.connectionClosed('http-80');
    const of = (name: string): number => valueOf(main.snapshot([]), name, { listener: 'http-80' });
    expect(of('steelyard_connections_open')).toBe(5);
    main.workerGone(1);
    expect([of('steelyard_connections_open'), of('steelyard_connections_total')]).toEqual([3, 6]);
  });

  it('a name that main did not tell is a fault of ours, not a count in somebody else’s row', () => {
    const { workers, main, book } = crew();
    expect(() => workers[0]!.retry('api')).toThrow('pool api');
    expect(() => workers[0]!.routeCounters('http-80', 'new')).toThrow('route new');
    expect(() => workers[0]!.connectionOpened('https-443')).toThrow('listener https-443');
    expect(main.routeCounters('http-80', 'new').offset).not.toBe(main.routeCounters('http-80', 'web').offset);
    expect(book.entries().routes.map(({ route }) => route)).toEqual(['', 'web', 'new']);
  });

  it('names that come with a reload are told again, and the old ones keep their rows', () => {
    const { main, shared, book } = crew();
    const before = book.entries();
    const theirs = Scoreboard.attach(shared.memory, 1);
    // The board grows under the worker.
    for (let i = 0; i < 20; i++) book.declare({ listeners: [], routes: [{ name: `r${i}`, listeners: ['http-80'] }], pools: [] });
    const copy = new CounterBook(theirs);
    copy.adopt(before);
    const worker = new TrafficMetrics(theirs, copy);
    copy.adopt(book.entries());
    worker.exchange(worker.routeCounters('http-80', 'web'), RESULT);
    worker.exchange(worker.routeCounters('http-80', 'r19'), RESULT);
    expect(book.entries().routes.slice(0, 2)).toEqual(before.routes);
    for (const route of ['web', 'r19']) expect(valueOf(main.snapshot([]), 'steelyard_requests_total', { route, code: '2xx' })).toBe(1);
  });

  describe('names that no config has any more', () => {
    const configOf = (route: string, listener = 'http-80') => ({ listeners: [{ name: listener }], routes: [{ name: route, listeners: [listener] }], pools: [{ name: route }] });
    const routesOf = (families: readonly MetricFamily[]): unknown[] => samplesOf(families, 'steelyard_request_duration_seconds').map(({ labels }) => `${labels['listener']} ${labels['route']}`);

    it('leave the metrics, and their rows are used again: a new name with each reload takes no more than two', () => {
      const { main, shared, book } = crew();
      const rowsUsed = new Set<number>();
      for (let reload = 0; reload < 100; reload++) {
        book.declare(configOf(`r${reload}`));
        for (const { row } of [...book.entries().routes, ...book.entries().pools]) rowsUsed.add(row);
        if (reload > 0) book.release(configOf(`r${reload - 1}`));
      }
      // Listener, route `web` and pool `web` of the crew's own config, and a route and a pool of two configs each.
      expect(rowsUsed.size).toBe(3 + 2 * 2);
      expect(routesOf(main.snapshot([]))).toEqual(['http-80 ', 'http-80 web', 'http-80 r99']);
      expect(shared.memory.buffer.byteLength).toBeLessThan(50_000);
    });

    it('stay as long as any of the configs that have them', () => {
      const { main, book } = crew();
      for (const name of ['a', 'a', 'b']) book.declare(configOf(name));
      book.release(configOf('a'));
      expect(routesOf(main.snapshot([]))).toContain('http-80 a');
      book.release(configOf('a'));
      expect(routesOf(main.snapshot([]))).not.toContain('http-80 a');
    });

    it('count anew when they come again, in each thread in the row that they have then', () => {
      const { main, workers, shared, book } = crew();
      const theirs = Scoreboard.attach(shared.memory, 1);
      const copy = new CounterBook(theirs);
      const worker = new TrafficMetrics(theirs, copy);
      book.declare(configOf('a'));
      copy.adopt(book.entries());
      worker.exchange(worker.routeCounters('http-80', 'a'), RESULT);
      worker.retry('a');
      book.release(configOf('a'));
      // They take its rows.
      book.declare(configOf('b'));
      book.declare(configOf('a'));
      copy.adopt(book.entries());
      worker.exchange(worker.routeCounters('http-80', 'a'), RESULT);
      worker.retry('a');
      const families = main.snapshot([]);
      expect(['a', 'b'].map((route) => valueOf(families, 'steelyard_requests_total', { route, code: '2xx' }))).toEqual([1, 0]);
      expect(['a', 'b'].map((pool) => valueOf(families, 'steelyard_retries_total', { pool }))).toEqual([1, 0]);
      expect(workers).toHaveLength(2);
    });

    it('of listeners stay while a connection is open that was accepted under them', () => {
      const { main, workers, book } = crew();
      const named = configOf('a', 'old');
      book.declare(named);
      const theirs = Scoreboard.attach(board.memory, 1);
      const copy = new CounterBook(theirs);
      copy.adopt(book.entries());
      const worker = new TrafficMetrics(theirs, copy);
      worker.connectionOpened('old');
      book.release(named);
      copy.adopt(book.entries());
      expect(routesOf(main.snapshot([]))).toEqual(['http-80 ', 'http-80 web', 'old ']);
      worker.connectionClosed('old');
      book.declare(configOf('b'));
      book.release(configOf('b'));
      expect(routesOf(main.snapshot([]))).toEqual(['http-80 ', 'http-80 web']);
      expect(workers).toHaveLength(2);
    });
  });
});
