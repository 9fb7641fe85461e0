/** Where accepting cannot be paused, the listener itself has to hold what it was given: not more of it than the system's queue would. */
import { expect, it } from 'vitest';
import { AddressCounts } from '../../core/src/board/address-counts.ts';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { DataThread } from '../../core/src/data-thread.ts';
import type { ListenerPlan } from '../../core/src/generation.ts';
import { AcceptWatch } from '../../core/src/listen/accept-watch.ts';
import { Admission, type Admitted } from '../../core/src/listen/admission.ts';
import { CONNECTIONS } from '../../core/src/limits.ts';
import { TrafficMetrics } from '../../core/src/metrics/traffic.ts';
import { AddressSet } from '../../core/src/request/address.ts';
import { Deadlines } from '../../core/src/sockets/deadlines.ts';
import type { Socket } from '../../core/src/sockets/socket.ts';

const NO_LIMITS = { maxConnections: Infinity, maxConnectionsPerAddress: Infinity, maxNewConnectionsPerSecond: Infinity };

function admissionOf(limits: Partial<typeof NO_LIMITS>, backlog: number) {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  const metrics = new TrafficMetrics(board);
  const deadlines = new Deadlines();
  const said: string[] = [];
  const accepting = new AcceptWatch({ board, addresses: AddressCounts.create(1, false), shares: 1 }, metrics, deadlines);
  const thread = { accepting, deadlines, metrics, events: { limited: (limit: string) => void said.push(limit) } } as unknown as DataThread;
  const plan = {
    config: { name: 'web', backlog, limits: { ...NO_LIMITS, ...limits } }, trustedProxies: new AddressSet([]),
    generation: { config: { maxConnections: Infinity, maxLoopDelayMs: Infinity } }, limits: metrics.limitCounters('web'),
  } as unknown as ListenerPlan;
  const served: { name: string; admitted: Admitted }[] = [];
  const asked: string[] = [];
  const admission = new Admission(thread, plan, (socket, admitted) => void served.push({ name: socket.remoteAddress, admitted }));
  admission.bound({ canPause: false, pause: () => void said.push('pause'), resume: () => void said.push('resume') });
  const gone = new Set<string>();
  const offer = (name: string): void => {
    const tell = (what: string) => () => void asked.push(`${what} ${name}`);
    const socket = { remoteAddress: name, descriptor: 5, get isGone() { return gone.has(name); }, pause: tell('pause'), resume: tell('resume'), reset: tell('reset'), destroy: tell('destroy') };
    admission.offer(socket as unknown as Socket);
  };
  const hits = (): number => board.counters()[metrics.limitCounters('web').offset + CONNECTIONS]!;
  return { admission, served, gone, asked, said, offer, hits, names: () => served.map(({ name }) => name) };
}

it('holds as many as the queue would, resets those above, and serves the held ones in their order', () => {
  const { admission, served, asked, said, offer, hits, names } = admissionOf({ maxConnections: 1 }, 2);
  admission.open();
  for (const name of ['a', 'b', 'c', 'd', 'e']) offer(name);
  expect([names(), asked]).toEqual([['a'], ['pause b', 'pause c', 'reset d', 'reset e']]);
  // Once for the pause, and for each that was refused.
  expect([said, hits()]).toEqual([['connections', 'pause'], 3]);
  admission.left(served[0]!.admitted);
  expect(names()).toEqual(['a', 'b']);
  admission.left(served[1]!.admitted);
  expect(names()).toEqual(['a', 'b', 'c']);
  admission.left(served[2]!.admitted);
  expect(said.at(-1)).toBe('resume');
  offer('f');
  expect(names()).toEqual(['a', 'b', 'c', 'f']);
  admission.close();
});

it('holds what comes before it serves, and gives it up when it is closed', () => {
  const { admission, asked, said, offer, names } = admissionOf({}, 2);
  for (const name of ['a', 'b', 'c']) offer(name);
  expect([names(), asked]).toEqual([[], ['pause a', 'pause b', 'reset c']]);
  admission.close();
  expect(asked.slice(3)).toEqual(['destroy a', 'destroy b']);
  const other = admissionOf({}, 2);
  for (const name of ['a', 'b']) other.offer(name);
  other.admission.open();
  expect([other.names(), said, other.said]).toEqual([['a', 'b'], [], []]);
  other.admission.close();
});

it('serves none that closed while it was held: its close was told already, and its place would stay taken', () => {
  const { admission, served, gone, asked, offer, names } = admissionOf({ maxConnections: 1 }, 3);
  admission.open();
  for (const name of ['a', 'b', 'c']) offer(name);
  gone.add('b');
  admission.left(served[0]!.admitted);
  expect([names(), asked.slice(2)]).toEqual([['a', 'c'], ['destroy b']]);
  admission.close();
});
