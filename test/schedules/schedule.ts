/**
 * What a schedule is: plans of messages, and a list of steps of clients, origins and the operator, in one order. Any list of steps is a
 * schedule: one that finds nothing to do does nothing. So a schedule that fails can be shortened by leaving steps out.
 */
import { Chance } from './chance.ts';
import type { ReplyPlan, RequestPlan } from './messages.ts';

/** How far to write: one byte, a few, to the end of the head, to the middle of what is left of the message, to its end; of a client also all it has. */
export type Extent = 'byte' | 'few' | 'head' | 'half' | 'message' | 'all';
export type Ending = 'end' | 'reset' | 'destroy';

export type Step =
  | { readonly do: 'send'; readonly client: number; readonly upTo: Extent }
  | { readonly do: 'client ends'; readonly client: number; readonly how: Ending }
  | { readonly do: 'client reads'; readonly client: number; readonly on: boolean }
  /** At the client's next event of this kind, from inside it. */
  | { readonly do: 'client arms'; readonly client: number; readonly at: 'byte' | 'interim' | 'final' | 'answered'; readonly what: Ending | 'send' }
  /** Of the origin connection that was given a request last and has not answered it. */
  | { readonly do: 'reply'; readonly upTo: Exclude<Extent, 'all'> }
  | { readonly do: 'origin ends'; readonly which: 'busy' | 'idle'; readonly how: Ending }
  | { readonly do: 'origin reads'; readonly on: boolean }
  | { readonly do: 'origin arms'; readonly at: 'accept' | 'byte' | 'head' | 'complete' | 'replied'; readonly what: Ending | 'reply' | 'stop reading' }
  /** A whole response on an idle connection, which nobody asked for. */
  | { readonly do: 'poison' }
  | { readonly do: 'reload'; readonly drains: boolean; readonly waits: boolean }
  /** Waits until nothing more happens by itself. */
  | { readonly do: 'settle' };

export interface HttpSchedule {
  readonly protocol: 'http';
  readonly halfClose: 'abort' | 'serve';
  /** The requests of each client, in the order in which they are sent. */
  readonly clients: readonly (readonly RequestPlan[])[];
  readonly steps: readonly Step[];
  /** At the end everybody does what is left to do, and every request must come to an answer; else clients leave where they are. */
  readonly finishes: boolean;
}

export type TcpSide = 'client' | 'origin';
export type TcpStep =
  | { readonly do: 'send'; readonly side: TcpSide; readonly size: number }
  | { readonly do: 'ends'; readonly side: TcpSide; readonly how: Ending }
  | { readonly do: 'reads'; readonly side: TcpSide; readonly on: boolean }
  | { readonly do: 'reload'; readonly drains: false; readonly waits: boolean }
  | { readonly do: 'settle' };

export interface TcpSchedule {
  readonly protocol: 'tcp';
  readonly steps: readonly TcpStep[];
}

export type Schedule = HttpSchedule | TcpSchedule;

/** Body sizes: mostly one packet, some beyond what is held for a repeat (16 KiB), few beyond what the kernel buffers. */
function size(chance: Chance): number {
  return chance.weighted([[20, 0], [40, 1 + chance.below(3_000)], [20, 17_000 + chance.below(60_000)], [1, 6_000_000]]);
}

function request(chance: Chance): RequestPlan {
  const method = chance.weighted([[40, 'GET'], [8, 'HEAD'], [30, 'POST'], [22, 'PUT']]);
  const version = chance.weighted([[92, '1.1'], [8, '1.0']]);
  const hasBody = method === 'POST' || method === 'PUT';
  const isUpgrade = method === 'GET' && version === '1.1' && chance.isTrue(0.12);
  const framing = hasBody ? (version === '1.1' && chance.isTrue(0.4) ? 'chunked' : 'length') : 'none';
  const broken = chance.isTrue(0.05) ? (framing === 'chunked' ? 'chunk' : 'head') : '';
  return {
    method, version, framing, isUpgrade, broken,
    bodyBytes: hasBody ? size(chance) : 0,
    expects100: hasBody && version === '1.1' && chance.isTrue(0.2),
    isLast: isUpgrade || chance.isTrue(version === '1.0' ? 0.6 : 0.08),
    reply: reply(chance),
  };
}

function reply(chance: Chance): ReplyPlan {
  return {
    interims: Array.from({ length: chance.weighted([[85, 0], [10, 1], [5, 2]]) }, () => chance.pick([100, 103])),
    status: chance.weighted([[88, 200], [4, 204], [4, 304], [4, 403]]),
    framing: chance.weighted([[55, 'length'], [30, 'chunked'], [15, 'close']]),
    bodyBytes: size(chance),
    surplus: chance.isTrue(0.03) ? 1 + chance.below(40) : 0,
    broken: chance.isTrue(0.04) ? chance.pick(['head', 'chunk', 'two lengths']) : '',
    saysClose: chance.isTrue(0.08),
    agrees: chance.isTrue(0.75),
  };
}

const EXTENTS = [[8, 'byte'], [10, 'few'], [12, 'head'], [20, 'half'], [40, 'message']] as const;
const ENDINGS = [[4, 'end'], [5, 'reset'], [2, 'destroy']] as const;

function step(chance: Chance, clients: number): Step {
  const client = chance.below(clients);
  return chance.weighted<() => Step>([
    [30, () => ({ do: 'send', client, upTo: chance.weighted([...EXTENTS, [10, 'all']]) })],
    [3, () => ({ do: 'client ends', client, how: chance.weighted(ENDINGS) })],
    [4, () => ({ do: 'client reads', client, on: chance.isTrue(0.5) })],
    [4, () => ({ do: 'client arms', client, at: chance.pick(['byte', 'interim', 'final', 'answered']), what: chance.weighted<Ending | 'send'>([...ENDINGS, [12, 'send']]) })],
    [22, () => ({ do: 'reply', upTo: chance.weighted(EXTENTS) })],
    [4, () => ({ do: 'origin ends', which: 'busy', how: chance.weighted(ENDINGS) })],
    [6, () => ({ do: 'origin ends', which: 'idle', how: chance.weighted(ENDINGS) })],
    [3, () => ({ do: 'origin reads', on: chance.isTrue(0.5) })],
    [12, () => ({
      do: 'origin arms', at: chance.pick(['accept', 'byte', 'head', 'complete', 'replied']),
      what: chance.weighted<Ending | 'reply' | 'stop reading'>([...ENDINGS, [10, 'reply'], [1, 'stop reading']]),
    })],
    [1, () => ({ do: 'poison' })],
    [0.4, () => ({ do: 'reload', drains: chance.isTrue(0.5), waits: chance.isTrue(0.5) })],
    [22, () => ({ do: 'settle' })],
  ])();
}

function httpSchedule(chance: Chance): HttpSchedule {
  const clients = Array.from({ length: 1 + chance.below(2) }, () => {
    const requests = Array.from({ length: 1 + chance.below(4) }, () => request(chance));
    const upgrade = requests.findIndex(({ isUpgrade }) => isUpgrade);
    // Behind an upgrade everything is the tunnel's.
    if (upgrade >= 0) requests.length = upgrade + 1;
    const last = requests.findIndex(({ isLast }) => isLast);
    // What stands behind the last one of a connection has no meaning; once in a while it is sent all the same.
    return last >= 0 && !chance.isTrue(0.1) ? requests.slice(0, last + 1) : requests;
  });
  return {
    protocol: 'http',
    halfClose: chance.weighted([[3, 'abort'], [1, 'serve']]),
    clients,
    steps: Array.from({ length: 4 + chance.below(24) }, () => step(chance, clients.length)),
    finishes: chance.isTrue(0.6),
  };
}

function tcpSchedule(chance: Chance): TcpSchedule {
  const side = (): TcpSide => chance.pick(['client', 'origin']);
  const one = (): TcpStep => chance.weighted<() => TcpStep>([
    [30, () => ({ do: 'send', side: side(), size: chance.weighted([[10, 1], [30, 1 + chance.below(5_000)], [10, 100_000], [1, 6_000_000]]) })],
    [6, () => ({ do: 'ends', side: side(), how: chance.weighted([[8, 'end'], [3, 'reset'], [1, 'destroy']]) })],
    [8, () => ({ do: 'reads', side: side(), on: chance.isTrue(0.6) })],
    [0.4, () => ({ do: 'reload', drains: false, waits: chance.isTrue(0.5) })],
    [20, () => ({ do: 'settle' })],
  ])();
  return { protocol: 'tcp', steps: Array.from({ length: 3 + chance.below(16) }, one) };
}

export function scheduleOf(seed: number): Schedule {
  const chance = new Chance(seed);
  return chance.isTrue(0.15) ? tcpSchedule(chance) : httpSchedule(chance);
}
