/** A worker from within, without its thread: what it does with main's messages, in whatever moment they come. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AddressCounts } from '../../core/src/board/address-counts.ts';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import { configText, digestOf } from '../../core/src/config/digest.ts';
import { loadConfig } from '../../core/src/config/load.ts';
import type { ResolvedBackend } from '../../core/src/config/resolved.ts';
import type { MemberOrder } from '../../core/src/control/order.ts';
import { CounterBook } from '../../core/src/metrics/counter-book.ts';
import { clockOffsetMs } from '../../core/src/workers/clock-offset.ts';
import type { PrepareOrder, ToMain } from '../../core/src/workers/messages.ts';
import { WorkerThread } from '../../core/src/workers/worker-thread.ts';

const CONFIG_FILE = fileURLToPath(new URL('one-backend.config.json', import.meta.url));
const RELOADED_BEAT_MS = 600_000;

const thrower = (): never => {
  throw new Error('thrown while it was looked at');
};
const hostile = (property: string): Error => Object.defineProperty(new Error('x'), property, { get: thrower });

async function worker() {
  const board = Scoreboard.create({ workers: 1, isShared: true });
  const told: ToMain[] = [];
  const thread = new WorkerThread({
    number: 1, block: 1, memory: board.memory, addresses: AddressCounts.create(board.blocks, true).memory, workers: 1, configFile: CONFIG_FILE, command: 'embed',
    log: { kind: 'message', level: 'error' }, followsLogLevel: false, clockOffsetMs: clockOffsetMs(),
  }, (message) => told.push(message));
  const { resolved } = await loadConfig(CONFIG_FILE, { command: 'embed', env: {} });
  const spec = (resolved.pools[0]!.backends as readonly ResolvedBackend[])[0]!;
  const book = new CounterBook(board);
  book.declare(resolved);
  const member = (url: string): MemberOrder => ({ spec: { ...spec, url, id: `web/${url}` }, row: board.allocate(), bits: [] });
  onTestFinished(() => thread.hear({ kind: 'stop', id: 0, order: { drainLimitMs: 0 } }));
  const order = (number: number, members: readonly MemberOrder[], beatMs = 10): PrepareOrder => ({
    number, digest: digestOf(configText(resolved)), pools: new Map([['web', { hasActive: false, passive: [], members }]]),
    ports: new Map([['web', 0]]), isShared: false, counters: book.entries(), addresses: [], beatMs,
  });
  return { board, told, thread, order, member };
}

const prepared = (told: readonly ToMain[], id: number): void => {
  expect(told).toContainEqual({ kind: 'answer', id, answer: { plugins: expect.any(Array) as string[] } });
};

describe('a worker', () => {
  it('has the members that main told it of while it loaded its config', async () => {
    const { thread, told, order, member } = await worker();
    const [before, after] = [member('http://127.0.0.1:1'), member('http://127.0.0.1:2')];
    const preparing = thread.hear({ kind: 'prepare', id: 1, order: order(1, [before]) });
    await thread.hear({ kind: 'members', number: 1, pool: 'web', members: [after] });
    // The first left: main wants its row back, which the order still held.
    await thread.hear({ kind: 'forget', forget: { row: before.row, ticket: 7 } });
    await preparing;
    prepared(told, 1);
    await thread.hear({ kind: 'switch' });
    expect(told).toContainEqual({ kind: 'forgotten', forget: { row: before.row, ticket: 7 } });
    await thread.hear({ kind: 'forget', forget: { row: after.row, ticket: 8 } });
    expect(told).not.toContainEqual({ kind: 'forgotten', forget: { row: after.row, ticket: 8 } });
  });

  it('beats as main watches: more slowly only from the switch on', async () => {
    const { thread, board, order, told } = await worker();
    const beats = async (): Promise<void> => {
      const before = board.beats(1);
      await vi.waitFor(() => expect(board.beats(1)).toBeGreaterThan(before + 2), { interval: 5, timeout: 5_000 });
    };
    await thread.hear({ kind: 'prepare', id: 1, order: order(1, []) });
    await thread.hear({ kind: 'switch' });
    await beats();
    await thread.hear({ kind: 'prepare', id: 2, order: order(2, [], RELOADED_BEAT_MS) });
    prepared(told, 2);
    await beats();
    await thread.hear({ kind: 'discard', id: 3, order: undefined });
    await beats();
    await thread.hear({ kind: 'prepare', id: 4, order: order(3, [], 20) });
    await thread.hear({ kind: 'switch' });
    await beats();
  });

  it('beats faster from phase one on, for main watches more closely as soon as it switches', async () => {
    const { thread, board, order } = await worker();
    await thread.hear({ kind: 'prepare', id: 1, order: order(1, [], RELOADED_BEAT_MS) });
    await thread.hear({ kind: 'switch' });
    await thread.hear({ kind: 'prepare', id: 2, order: order(2, [], 10) });
    const before = board.beats(1);
    await vi.waitFor(() => expect(board.beats(1)).toBeGreaterThan(before + 2), { interval: 5, timeout: 5_000 });
  });

  it('that cannot do what main told it is wounded: main would think it had', async () => {
    const { thread, told } = await worker();
    await thread.hear({ kind: 'switch' });
    expect(told).toContainEqual({ kind: 'wounded', error: expect.objectContaining({ message: expect.any(String) as string }) as never });
  });

  // These come from plugins: one that throws while it is looked at must not end the thread, which would cut its connections off.
  it.each([
    ['nothing', undefined], ['a string', 'gone'], ['a symbol', Symbol('s')], ['no prototype', Object.create(null)],
    ['a message that throws', hostile('message')], ['a stack that throws', hostile('stack')], ['a cause that throws', hostile('cause')], ['a name that throws', hostile('name')],
    ['a proxy that throws', new Proxy(new Error('x'), { get: thrower, getPrototypeOf: thrower, ownKeys: thrower, has: thrower })],
    ['a toJSON that throws', { toJSON: thrower }], ['a message that is a function', Object.assign(new Error('x'), { message: thrower })],
    ['a field that throws', Object.defineProperty(new Error('x'), 'field', { get: thrower, enumerable: true })],
  ])('survives an exception and a rejection that nobody caught, whatever they are: %s', async (_what, thrown: unknown) => {
    const { thread, told } = await worker();
    thread.strayRejection(thrown);
    thread.wounded(thrown);
    const lines = told.flatMap((message) => (message.kind === 'line' ? [JSON.parse(message.line) as { msg: string }] : [])).map(({ msg }) => msg);
    expect(lines).toEqual([expect.stringContaining('unhandled rejection'), expect.stringContaining('uncaught exception')]);
    const wounds = told.filter(({ kind }) => kind === 'wounded');
    expect(wounds).toHaveLength(1);
    expect(() => structuredClone(wounds)).not.toThrow();
  });
});
