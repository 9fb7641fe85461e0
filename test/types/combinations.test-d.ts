/** What the plugins' own combinators take, held by the compiler. */
import { defineConfig, type StrategyUse } from '@steelyard/sdk';
import boundedLoad from '@steelyard/plugins/bounded-load';
import fallback from '@steelyard/plugins/fallback';
import first from '@steelyard/plugins/first';
import locality from '@steelyard/plugins/locality';
import orca from '@steelyard/plugins/orca';
import prequal from '@steelyard/plugins/prequal';
import priority from '@steelyard/plugins/priority';
import rendezvous from '@steelyard/plugins/rendezvous';
import roundRobin from '@steelyard/plugins/round-robin';
import script from '@steelyard/plugins/script';
import shadow from '@steelyard/plugins/shadow';
import slowStart from '@steelyard/plugins/slow-start';
import split from '@steelyard/plugins/split';
import sticky from '@steelyard/plugins/sticky';
import subset from '@steelyard/plugins/subset';
import trace from '@steelyard/plugins/trace';

const secret = 'a secret of some length';
const parts = [{ name: 'all', weight: 1 }];
const tcp = (strategy: StrategyUse<'any'>) => defineConfig({ listeners: [{ port: 1, protocol: 'tcp', pool: 'db' }], pools: { db: { protocol: 'tcp', backends: [], strategy } } });

// What should compile.
tcp(roundRobin());
slowStart({ over: sticky({ secret, over: trace({ over: roundRobin() }) }) });
boundedLoad({ over: trace({ over: rendezvous() }) });
subset({ size: 2, over: roundRobin() });
orca({ over: roundRobin() });
tcp(priority({ over: locality({ zone: 'a', over: split({ over: [rendezvous()], parts }) }) }));
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
subset({ size: 2, over: rendezvous() });
// @ts-expect-error nor of a fixed order
subset({ size: 2, over: first() });
// @ts-expect-error reported weights for a hash
orca({ over: rendezvous() });
// @ts-expect-error nor for a fixed order
orca({ over: first() });
// @ts-expect-error bounded loads over what is no hash
boundedLoad({ over: roundRobin() });
// @ts-expect-error nor over a fixed order
boundedLoad({ over: first() });
// @ts-expect-error cookies in a tcp pool
tcp(sticky({ secret, over: roundRobin() }));
// @ts-expect-error nor wrapped
tcp(shadow({ over: sticky({ secret, over: roundRobin() }), candidate: roundRobin() }));
// @ts-expect-error headers that nobody sends
tcp(orca({ over: roundRobin() }));
// @ts-expect-error nor answers to probes
tcp(prequal({ probePath: '/load' }));
// @ts-expect-error nor a request for a function
tcp(script({ select: () => undefined }));
// @ts-expect-error in any group
tcp(priority({ over: prequal({ probePath: '/load' }) }));
// @ts-expect-error zone
tcp(locality({ zone: 'a', over: prequal({ probePath: '/load' }) }));
// @ts-expect-error part of the keys
tcp(split({ over: [roundRobin(), prequal({ probePath: '/load' })], parts }));
// @ts-expect-error or as a candidate
tcp(shadow({ over: roundRobin(), candidate: prequal({ probePath: '/load' }) }));
// @ts-expect-error explained or not
tcp(trace({ over: prequal({ probePath: '/load' }) }));
// @ts-expect-error a part of a pool
tcp(subset({ size: 2, over: prequal({ probePath: '/load' }) }));
// @ts-expect-error little by little
tcp(slowStart({ over: prequal({ probePath: '/load' }) }));
// @ts-expect-error the path of what has none, as a key of a split
tcp(split({ key: 'path', over: [roundRobin()], parts }));
