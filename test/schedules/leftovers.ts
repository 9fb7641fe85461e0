/** What must be gone when no schedule is under way: leases, sockets, deadlines, timers, buffers. */
import { HeldBody } from '../../core/src/request/held-body.ts';
import type { Exchange } from '../../core/src/request/exchange.ts';
import type { Stage } from './stage.ts';
import { comesTrue } from './turns.ts';

/** Bodies that hold a block now. Watched from outside: the product does not count them. */
const holding = new Set<HeldBody>();

export function watchBlocks(): void {
  after('makeRoom', (body) => { if (body.bytes.length > 0) holding.add(body); });
  after('clear', (body) => { holding.delete(body); });
}

function after(name: 'makeRoom' | 'clear', look: (body: HeldBody) => void): void {
  const original = HeldBody.prototype[name] as (this: HeldBody, ...args: unknown[]) => void;
  HeldBody.prototype[name] = function (this: HeldBody, ...args: unknown[]) {
    original.apply(this, args);
    look(this);
  };
}

/** Kinds of what keeps the process busy, counted. */
export function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

export async function leftovers(stage: Stage, before: ReadonlyMap<string, number>): Promise<string[]> {
  const violations: string[] = [];
  const { balancer } = stage;
  const isClear = (): boolean => {
    const { leasesOpened, leasesClosed, inFlight, clientConnections, upstreamConnections, deadlines } = balancer.ledger();
    return leasesOpened === leasesClosed && inFlight + clientConnections + upstreamConnections + deadlines === 0;
  };
  if (!(await comesTrue(isClear))) violations.push(`not everything is closed: ${JSON.stringify(balancer.ledger())}`);
  const busy = balancer.describe().pools.flatMap(({ backends }) => backends.filter(({ inFlight }) => inFlight !== 0));
  for (const { id, inFlight } of busy) violations.push(`${id} has ${inFlight} in flight`);
  if (stage.attempts !== balancer.ledger().leasesClosed) violations.push(`${balancer.ledger().leasesClosed} leases were closed, and ${stage.attempts} ends were told`);
  if (stage.openExchanges > 0) violations.push(`${stage.openExchanges} exchanges have begun and not ended`);
  if (holding.size > 0) violations.push(`${holding.size} blocks of held bodies were not given back`);
  for (const exchange of freeExchanges(stage)) {
    const { upstream, lease, tunnel, partialHead, connection, held } = exchange as Partial<Exchange>;
    if (upstream ?? lease ?? tunnel ?? partialHead ?? connection) violations.push('an exchange that is free still holds something');
    if (held!.bytes.length > 0) violations.push('an exchange that is free still holds body bytes');
  }
  const isBack = (): boolean => [...resources()].every(([kind, count]) => count <= (before.get(kind) ?? 0));
  if (!(await comesTrue(isBack))) violations.push(`left in the process: ${JSON.stringify([...resources()])}, before: ${JSON.stringify([...before])}`);
  violations.push(...stage.violations.splice(0));
  return violations;
}

function freeExchanges(stage: Stage): readonly Exchange[] {
  const seen = stage.anyExchange as { thread?: { freeExchanges: Exchange[] } } | undefined;
  return seen?.thread?.freeExchanges ?? [];
}
