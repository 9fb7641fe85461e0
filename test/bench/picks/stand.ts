/** A pool of the product with a strategy in it, as a data thread has it: shared scoreboard, compiled hook, guard, leases. Only the socket is missing. */
import type { Exchange, StrategyUse } from '@steelyard/sdk';
import { answered, world } from '@steelyard/sdk/testkit';
import { TapRegistry } from '../../../core/src/hooks.ts';
import { PluginSet } from '../../../core/src/plugins.ts';
import { createServices, trafficServices } from '../../../core/src/services.ts';
import type { BackendState } from '../../../core/src/upstream/backend.ts';
import { LeaseTable, type LeaseState } from '../../../core/src/upstream/leases.ts';
import { poolConfig, specOf } from '../../upstream/world.ts';
import { Pool } from '../../../core/src/upstream/pool.ts';
import { pino } from 'pino';

const SETUP_LIMIT_MS = 10_000;
/** Weights 1 to 5 in turn: nothing that is cheap with equal weights alone looks cheap. */
const WEIGHTS = 5;
/** Whose requests come in turn: a hash that is asked for one key again and again would find everything in the cache. */
const CLIENTS = 1_024;
/** Leases open on each backend, on average, while picks are measured. */
const LOAD = 2;

export interface Stand {
  /** So many picks, as `select` of the data path makes them. */
  readonly pick: (count: number) => void;
  /** So many leases begun and ended, with what the strategy is told of both. */
  readonly lease: (count: number) => void;
}

export function createStand(use: StrategyUse, size: number): Stand {
  const log = pino({ level: 'silent' });
  const ignore = (): void => {};
  const services = createServices(log, 1, { onFlip: ignore, onDown: ignore, onAddresses: ignore, onForget: ignore, panics: () => [], families: () => Promise.resolve([]) });
  const { board, backends, traffic, events } = services;
  const registry = new TapRegistry();
  const plugins = new PluginSet(trafficServices({ log, board, backends, traffic, shares: 1, events }), SETUP_LIMIT_MS, registry);
  const pool = new Pool(poolConfig(), board, false);
  const { plugin, instance } = plugins.createStrategy(use, pool.name);
  pool.useStrategy(instance, plugin);
  pool.setMembers(Array.from({ length: size }, (_, at) => backends.claim(pool.name, specOf(`10.0.${at >> 8}.${at & 255}`, { weight: 1 + (at % WEIGHTS), zone: at % 2 === 0 ? 'a' : 'b' }))));
  registry.close();
  const hook = registry.compile([], { plugin, select: instance.select }).selectBackend!;
  const leases = new LeaseTable();
  const clients = world();
  const exchanges: Exchange[] = Array.from({ length: CLIENTS }, (_, at) => clients.exchange({ clientAddress: `192.0.${at >> 8}.${at & 255}` }));
  const tried: BackendState[] = [];
  const outcome = answered(200, { firstByteMs: 1, durationMs: 2 });

  const pickOne = (at: number): BackendState | undefined => {
    const { strategy } = pool;
    if (strategy) strategy.wasAsked = false;
    pool.tried = tried;
    return hook.call(exchanges[at % CLIENTS]!, pool) as BackendState | undefined;
  };
  const begin = (backend: BackendState): LeaseState => {
    const lease = leases.open(backend, pool, exchanges[0]!, instance, 0)!;
    lease.strategy?.onStart?.(lease);
    return lease;
  };
  for (let open = 0; open < LOAD * size; open++) begin(pickOne(open) ?? pool.nextAvailable()!);
  return {
    pick(count) {
      for (let at = 0; at < count; at++) pickOne(at);
    },
    lease(count) {
      const members = pool.backends;
      for (let at = 0, member = 0; at < count; at++, member = member + 1 === members.length ? 0 : member + 1) {
        const lease = begin(members[member]!);
        leases.close(lease);
        lease.strategy?.onEnd?.(lease, outcome);
        leases.recycle(lease);
      }
    },
  };
}
