/**
 * `shadow({ over, candidate })`: a second strategy is asked too and never obeyed; metrics tell how it would have picked.
 *
 * For trying a strategy on real traffic before it decides anything. A pick costs both strategies.
 */
import { defineStrategy, type AnyStrategyUse, type Backend, type CounterSeries, type Lease, type Outcome } from '@steelyard/sdk';
import { LateLatency } from './late-latency.ts';
import { ReadOnlyExchange, ReadOnlyLease, ReadOnlyPool, ReadOnlyResponse } from './read-only.ts';

export interface ShadowOptions {
  /** Decides. */
  over: AnyStrategyUse;
  /** Is asked, told of every request as if it had picked, and never obeyed. */
  candidate: AnyStrategyUse;
}

export default defineStrategy<ShadowOptions, 'any', 'inner'>({
  name: 'shadow',
  description: 'a second strategy is asked too and never obeyed; metrics tell how it would have picked',
  kind: 'inner',
  options: {
    over: { type: 'strategy', description: 'decides' },
    candidate: { type: 'strategy', description: 'is asked and never obeyed' },
  },
  create({ over, candidate }, host) {
    const decider = host.strategy(over);
    const shadow = host.strategy(candidate);
    const latencyOf = host.perBackend(() => new LateLatency());
    const labels = ['pool', 'decider', 'candidate'];
    const picks = host.counter('shadow_picks_total', { help: 'Picks of both, by agreement: yes, no, or none = the candidate had no pick.', labels: [...labels, 'agreed'] });
    const byBackend = host.counter('shadow_candidate_picks_total', { help: 'Backends that the candidate would have picked.', labels: ['pool', 'backend'] });
    const gain = host.counter('shadow_estimated_gain_seconds_total', { help: 'Where they differ: how much faster the backend of the candidate answered lately.', labels });
    const loss = host.counter('shadow_estimated_loss_seconds_total', { help: 'Where they differ: how much slower the backend of the candidate answered lately.', labels });

    const names = [host.pool, decider.name, shadow.name];
    const agreed = picks.labels(...names, 'yes');
    const differed = picks.labels(...names, 'no');
    const hadNone = picks.labels(...names, 'none');
    const gained = gain.labels(...names);
    const lost = loss.labels(...names);
    let candidatePicks: ReadonlyMap<Backend, CounterSeries> = new Map();

    const shownExchange = new ReadOnlyExchange();
    const shownPool = new ReadOnlyPool();
    const shownHead = new ReadOnlyResponse();
    /** By slot: the candidate may keep a lease until its end. */
    const shownLeases: ReadOnlyLease[] = [];
    const shownLease = (lease: Lease): Lease => (shownLeases[lease.slot] ??= new ReadOnlyLease()).of(lease);

    const compare = (picked: Backend, other: Backend | undefined): void => {
      (other === undefined ? hadNone : other === picked ? agreed : differed).add();
      if (other === undefined) return;
      candidatePicks.get(other)?.add();
      if (other === picked) return;
      const regretMs = latencyOf(picked).value - latencyOf(other).value;
      if (regretMs > 0) gained.add(regretMs / 1_000);
      if (regretMs < 0) lost.add(-regretMs / 1_000);
    };
    return {
      update(members) {
        decider.update(members);
        shadow.update(members);
        candidatePicks = new Map(members.map(({ backend }) => [backend, candidatePicks.get(backend) ?? byBackend.labels(host.pool, backend.id)]));
      },
      select(exchange, pool) {
        const picked = decider.select(exchange, pool);
        const other = shadow.select(shownExchange.of(exchange), shownPool.of(pool));
        if (picked !== undefined) compare(picked, other);
        return picked;
      },
      onStart(lease: Lease) {
        decider.onStart(lease);
        shadow.onStart(shownLease(lease));
      },
      onHead(lease, head) {
        decider.onHead(lease, head);
        shadow.onHead(shownLease(lease), shownHead.of(head));
      },
      onEnd(lease: Lease, outcome: Outcome) {
        if (outcome.kind === 'answered') latencyOf(lease.backend).observe(outcome.firstByteMs < 0 ? outcome.durationMs : outcome.firstByteMs);
        decider.onEnd(lease, outcome);
        shadow.onEnd(shownLease(lease), outcome);
      },
      score: ({ backend }, exchange) => decider.score(backend, exchange),
      snapshot() {
        const states = [decider.snapshot(), shadow.snapshot()];
        return states.some((state) => state !== undefined) ? states : undefined;
      },
      adopt(states) {
        const [ofDecider, ofShadow] = states as readonly [unknown, unknown];
        decider.adopt(ofDecider);
        shadow.adopt(ofShadow);
      },
    };
  },
});
