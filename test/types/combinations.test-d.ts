/** What the plugins' own combinators take, held by the compiler. */
import { defineConfig, type StrategyUse } from '@steelyard/sdk';
import boundedLoad from '@steelyard/plugins/bounded-load';
import fallback from '@steelyard/plugins/fallback';
import first from '@steelyard/plugins/first';
import orca from '@steelyard/plugins/orca';
import rendezvous from '@steelyard/plugins/rendezvous';
import roundRobin from '@steelyard/plugins/round-robin';
import shadow from '@steelyard/plugins/shadow';
import slowStart from '@steelyard/plugins/slow-start';
import sticky from '@steelyard/plugins/sticky';
import subset from '@steelyard/plugins/subset';
import trace from '@steelyard/plugins/trace';

const secret = 'a secret of some length';
const tcp = (strategy: StrategyUse<'any'>) => defineConfig({ listeners: [{ port: 1, protocol: 'tcp', pool: 'db' }], pools: { db: { protocol: 'tcp', backends: [], strategy } } });

// What should compile.
tcp(roundRobin());
slowStart({ over: sticky({ secret, over: trace({ over: roundRobin() }) }) });
boundedLoad({ over: trace({ over: rendezvous() }) });
void defineConfig({ listeners: [{ port: 1 }], pools: { web: { backends: [], strategy: sticky({ secret, over: boundedLoad({ over: rendezvous() }) }) } } });

// @ts-expect-error slow start over a hash
slowStart({ over: rendezvous() });
// @ts-expect-error nor one that is wrapped
slowStart({ over: trace({ over: rendezvous() }) });
// @ts-expect-error nor one among others
slowStart({ over: fallback({ over: [roundRobin(), rendezvous()] }) });
// @ts-expect-error slow start over a fixed order, which knows no weights
slowStart({ over: first() });
// @ts-expect-error a subset of a hash
subset({ over: rendezvous() });
// @ts-expect-error reported weights for a hash
orca({ over: rendezvous() });
// @ts-expect-error bounded loads over what is no hash
boundedLoad({ over: roundRobin() });
// @ts-expect-error nor over a fixed order
boundedLoad({ over: first() });
// @ts-expect-error cookies in a tcp pool
tcp(sticky({ secret, over: roundRobin() }));
// @ts-expect-error nor wrapped
tcp(shadow({ over: sticky({ secret, over: roundRobin() }), candidate: roundRobin() }));
