/**
 * `script({ select })`: a function in the config decides. The shortest way to a rule of one's own; what is worth a name and a test becomes a plugin.
 *
 * A pick costs what the function costs. It gives nothing when the function has no opinion: then the core's own order decides.
 */
import { defineStrategy, type Backend, type HttpExchange, type Member, type PoolView } from '@steelyard/sdk';

export interface ScriptOptions {
  /**
   * An available backend (`pool.isAvailable`), or `undefined` = no opinion. `members` are those with a weight above 0, in the order of the config.
   * `random` is uniform in [0, 1), `now` monotonic milliseconds.
   */
  select: (exchange: HttpExchange, pool: PoolView, given: ScriptView) => Backend | undefined;
}

/** What the function sees besides. One object for all calls. */
export interface ScriptView {
  readonly members: readonly Member[];
  readonly random: () => number;
  readonly now: () => number;
}

export default defineStrategy<ScriptOptions, 'http'>({
  name: 'script',
  description: 'a function in the config decides',
  protocol: 'http',
  options: { select: { type: 'function', description: 'gives an available backend, or undefined for no opinion' } },
  create({ select }, host) {
    const view = { members: [] as readonly Member[], random: () => host.random(), now: () => host.now() };
    return {
      update(members) {
        view.members = Object.freeze(members.filter(({ weight }) => weight > 0));
      },
      select: (exchange, pool) => select(exchange, pool, view),
    };
  },
});
