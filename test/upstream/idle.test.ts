import { beforeEach, expect, it } from 'vitest';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { Deadlines } from '../../core/src/sockets/deadlines.ts';
import type { Socket, SocketEngine, SocketHandler } from '../../core/src/sockets/socket.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';
import { UpstreamConnection, type UpstreamUser } from '../../core/src/upstream/connection.ts';
import { IdleConnections } from '../../core/src/upstream/idle.ts';
import { backendOf } from './world.ts';

/** Sockets that only remember that they were destroyed; their close is told when the test says so. */
class FakeEngine implements SocketEngine {
  readonly destroyed = new Set<SocketHandler>();
  readonly gone = new Set<SocketHandler>();
  listen(): never {
    throw new Error('not here');
  }
  connect(_host: string, _port: number, handler: SocketHandler): Socket {
    const { destroyed, gone } = this;
    return { handler, destroy: () => void destroyed.add(handler), get isGone() { return gone.has(handler); } } as Socket;
  }
}

let engine: FakeEngine;
let deadlines: Deadlines;
let idle: IdleConnections;
let a: BackendState;
let b: BackendState;
let heard: string[];
const user: UpstreamUser = {
  onUpstreamOpen: () => void heard.push('open'),
  onUpstreamBytes: () => void heard.push('bytes'),
  onUpstreamEnd: () => void heard.push('end'),
  onUpstreamDrain: () => void heard.push('drain'),
  onUpstreamGone: () => void heard.push('gone'),
  onUpstreamDeadline: () => void heard.push('deadline'),
};
beforeEach(() => {
  const board = Scoreboard.create({ workers: 0, isShared: false });
  [a, b] = [backendOf(board, 'a'), backendOf(board, 'b')];
  [engine, deadlines, idle, heard] = [new FakeEngine(), new Deadlines(), new IdleConnections(), []];
});
const open = (backend: BackendState): UpstreamConnection => new UpstreamConnection(engine, deadlines, idle, backend, user);
const close = (...connections: UpstreamConnection[]): void => {
  for (const connection of connections) connection.onClose(undefined);
  expect([idle.size, deadlines.size]).toEqual([0, 0]);
};

it('gives the connection that was parked last, of that backend, once', () => {
  const [first, second, other] = [open(a), open(a), open(b)];
  for (const connection of [first, second, other]) connection.park(1_000, 10);
  expect([idle.take(a), idle.take(a), idle.take(a)]).toEqual([second, first, undefined]);
  expect([first.isReused, first.deadline]).toEqual([true, Infinity]);
  close(first, second, other);
});

it('gives none that has failed, though its close was not told yet', () => {
  const [first, second, third] = [open(a), open(a), open(a)];
  for (const connection of [first, second, third]) connection.park(1_000, 10);
  for (const connection of [second, third]) engine.gone.add(connection);
  expect([idle.take(a), idle.take(a)]).toEqual([first, undefined]);
  close(first, second, third);
});

it('keeps no more than maxIdle for each backend: the others are closed', () => {
  const three = [open(a), open(a), open(a)];
  for (const connection of three) connection.park(1_000, 2);
  expect([...engine.destroyed]).toEqual([three[2]]);
  const none = open(b);
  none.park(1_000, 0);
  expect(engine.destroyed.has(none)).toBe(true);
  close(...three, none);
});

it.each<[string, (connection: UpstreamConnection) => void]>([
  ['ended by the backend', (connection) => connection.onEnd()],
  ['sent bytes that nobody asked for', (connection) => connection.onBytes(Buffer.from('x'), 0, 1)],
  ['idle for too long', (connection) => connection.onDeadline()],
  ['closed', (connection) => connection.onClose(undefined)],
])('does not give one that was %s', (name, happen) => {
  const connection = open(a);
  connection.park(1_000, 10);
  happen(connection);
  expect(idle.take(a)).toBeUndefined();
  if (name !== 'closed') {
    expect(engine.destroyed.has(connection)).toBe(true);
    connection.onClose(undefined);
  }
  expect(heard).toEqual([]);
  close();
});

it('drops what is parked at a backend, and lets those in use go on', () => {
  const [parked, used, other] = [open(a), open(a), open(b)];
  parked.park(1_000, 10);
  other.park(1_000, 10);
  idle.drop(a);
  expect([...engine.destroyed]).toEqual([parked]);
  used.onBytes(Buffer.from('x'), 0, 1);
  expect(heard).toEqual(['bytes']);
  expect([idle.take(a), idle.take(b)]).toEqual([undefined, other]);
  close(parked, used, other);
});

it('tells its user the end once, and nothing after the user let go', () => {
  const [lost, left] = [open(a), open(a)];
  left.destroy();
  expect(heard).toEqual([]);
  expect(idle.size).toBe(2);
  close(lost, left);
  expect(heard).toEqual(['gone']);
});

it('destroys used and parked ones alike at the end', () => {
  const [parked, used] = [open(a), open(a)];
  parked.park(1_000, 10);
  idle.destroyAll();
  expect(engine.destroyed).toEqual(new Set([parked, used]));
  close(parked, used);
});
