import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { HealthChange, Logger } from '@steelyard/sdk';
import { beforeEach, expect, it } from 'vitest';
import { SharedRows, type Forget } from '../../core/src/board/rows.ts';
import { Scoreboard } from '../../core/src/board/scoreboard.ts';
import type { BackendState } from '../../core/src/upstream/backend.ts';
import { BackendRegistry } from '../../core/src/upstream/registry.ts';
import { Resolver } from '../../core/src/upstream/resolver.ts';
import { specOf } from './world.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const ONE = specOf('10.0.0.1');
let gone: BackendState[];
let flips: HealthChange[];
let registry: BackendRegistry;
beforeEach(() => {
  gone = [];
  flips = [];
  registry = new BackendRegistry(Scoreboard.create({ workers: 0, isShared: false }), new Resolver(quiet, async () => []), (change) => void flips.push(change), (backend) => void gone.push(backend));
});
const all = (): BackendState[] => [...registry.all()];

it('gives the same backend again as long as anybody claims it, with all it has', () => {
  const first = registry.claim('web', ONE);
  first.mark('check', 'down', 0);
  const second = registry.claim('web', { ...ONE, weight: 7 });
  expect(second).toBe(first);
  // The settings are those in use until the switch.
  expect(second.weight).toBe(1);
  registry.release(first);
  expect(registry.claim('web', ONE)).toBe(first);
  expect([first.health, gone]).toEqual(['down', []]);
});

it('makes a new one once the last claim was released, and says that the old one is gone', () => {
  const first = registry.claim('web', ONE);
  first.mark('check', 'down', 0);
  registry.release(first);
  expect([gone, all()]).toEqual([[first], []]);
  const second = registry.claim('web', ONE);
  expect(second).not.toBe(first);
  expect(second.health).toBe('unknown');
});

it('does not take a release of one that left for a release of its successor', () => {
  const first = registry.claim('web', ONE);
  registry.release(first);
  const second = registry.claim('web', ONE);
  registry.release(first);
  expect(all()).toEqual([second]);
});

it('keeps members of two pools apart, though they have one address', () => {
  const web = registry.claim('web', { ...ONE, id: 'same' });
  const api = registry.claim('api', { ...ONE, id: 'same' });
  expect(api).not.toBe(web);
  expect([web.pool, api.pool]).toEqual(['web', 'api']);
});

it('takes an id that moved to another address for another backend, and shows the newest under its name', () => {
  const before = registry.claim('web', { ...ONE, id: 'moving' });
  const after = registry.claim('web', { ...specOf('10.0.0.2'), id: 'moving' });
  expect([before.host, after.host]).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(all()).toEqual([before, after]);
  expect([...registry.newest()]).toEqual([after]);
  registry.release(before);
  expect([gone, all()]).toEqual([[before], [after]]);
});

it('gives a row out again only when the last lease on its backend has ended', () => {
  const first = registry.claim('web', ONE);
  first.acquire();
  registry.release(first);
  const second = registry.claim('web', specOf('10.0.0.2'));
  expect(second.row).not.toBe(first.row);
  first.giveBack();
  expect(first.inFlight).toBe(0);
  const third = registry.claim('web', specOf('10.0.0.3'));
  expect(third.row).toBe(first.row);
  expect([third.inFlight, third.health]).toEqual([0, 'unknown']);
});

it('takes one back that left with leases open, with all it has, and one whose leases have ended no more', () => {
  const first = registry.claim('web', ONE);
  first.mark('check', 'down', 0);
  first.acquire();
  registry.release(first);
  expect(registry.inFlight).toBe(1);
  expect(registry.claim('web', ONE)).toBe(first);
  expect([first.inFlight, first.health, registry.inFlight]).toEqual([1, 'down', 1]);
  registry.release(first);
  first.giveBack();
  const heir = registry.claim('web', specOf('10.0.0.2'));
  heir.acquire();
  // The row is the heir's: what is in flight there is counted once.
  expect([heir.row, registry.inFlight]).toEqual([first.row, 1]);
  expect(registry.claim('web', ONE)).not.toBe(first);
});

it('tells flips only, after the fact', () => {
  const backend = registry.claim('web', ONE);
  backend.mark('first', 'no', 0);
  backend.mark('second', 'no', 0);
  backend.clear('first', 'yes');
  backend.clear('second', 'yes');
  backend.clear('second', 'yes');
  expect(flips.map(({ from, to, source }) => `${from} ${to} ${source}`)).toEqual(['unknown down first', 'down up second']);
});

it('holds nothing of a backend that left, once every worker has said that it uses its row no more', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const board = Scoreboard.create({ workers: 1, isShared: true });
  const asked: Forget[] = [];
  const rows = new SharedRows(board, (_worker, forget) => void asked.push(forget));
  rows.workerJoined(1);
  registry = new BackendRegistry(board, new Resolver(quiet, async () => []), () => {}, () => {}, rows);
  const trace = ((): WeakRef<BackendState> => {
    const backend = registry.claim('web', ONE);
    registry.release(backend);
    return new WeakRef(backend);
  })();
  rows.acknowledged(1, asked[0]!);
  // What a WeakRef has shown is kept until the end of the turn; so are the look-ups of its name.
  await registry.resolved();
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(trace.deref()).toBeUndefined();
});
