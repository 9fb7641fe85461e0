/**
 * What is measured. A scenario is one kind of load; each of its contenders carries it in turn, and pays for it in what the metric counts.
 * To add one, add a row to a list in scenarios/; a new generator of load is a function like `runWrk`, a new kind of answer a location of the origin.
 */
import type { Contender, Running } from './contenders.ts';
import type { LoadResult, LoadTools } from './load/load.ts';
import type { Metric } from './metrics.ts';
import type { Origin } from './origin.ts';
import { HTTP_SCENARIOS } from './scenarios/http.ts';
import { LATENCY_SCENARIOS } from './scenarios/latency.ts';
import { MEMORY_SCENARIOS } from './scenarios/memory.ts';
import { SELF_SCENARIOS } from './scenarios/self.ts';
import { TCP_SCENARIOS } from './scenarios/tcp.ts';
import type { Check } from './verify.ts';

export interface Scenario {
  name: string;
  /** One line for the tables. */
  title: string;
  metric: Metric;
  /** The first is what the ratios are of: its cost divided by each other's. */
  contenders: readonly Contender[];
  /** Which of the origin's backends they send to. */
  origin: 'pages' | 'uploads';
  /** What each must answer rightly before it is measured. */
  checks: readonly Check[];
  /** Of load on each contender in each round, when the command line does not say. */
  seconds: number;
  /** At most so many rounds: where one is long and they differ little. Default: as many as the command line says. */
  mostRounds?: number;
  /** Each sample is taken of a process just started. Default: one process takes all rounds, and one warm-up before. */
  isFresh?: boolean;
  /** Which cores the contenders may use; default `one` of their own. `all`: the load's as well. */
  cores?: 'one' | 'all';
  /** What the reader must know of how it was measured here. */
  note?: () => string;
  /** A reason why it cannot be measured with this product on this machine; `undefined` = it can. */
  obstacle?: () => string | undefined;
  /** Before the rounds: at what rate to send, where the load has one. Requests per second. */
  calibrate?: (bench: Workbench, proxies: ReadonlyMap<string, Running>) => Promise<number>;
  run: (bench: Workbench, proxy: Running, seconds: number, perSecond: number) => Promise<Load>;
}

/** What a scenario may use to make its load. */
export interface Workbench extends LoadTools {
  origin: Origin;
}

export interface Load extends LoadResult {
  /** Of a metric that the load itself measures, such as memory: the cost, in the metric's unit. */
  cost?: number;
  /** See `Sample`. */
  sentLateP99Us?: number;
}

export const SCENARIOS: readonly Scenario[] = [...HTTP_SCENARIOS, ...TCP_SCENARIOS, ...LATENCY_SCENARIOS, ...MEMORY_SCENARIOS, ...SELF_SCENARIOS];
