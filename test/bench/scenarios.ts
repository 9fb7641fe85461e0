/**
 * What is measured. A scenario is one kind of load; each of the proxies carries it in turn, and pays CPU time for it.
 * To add one, add a row; a new generator of load is a function like `runWrk`, a new kind of answer a location of the origin.
 */
import type { Program } from './rig/programs.ts';
import type { Rig } from './rig/rig.ts';
import { runWrk, type LoadResult } from './rig/wrk.ts';

/** What a scenario may use to make its load. */
export interface LoadTools {
  rig: Rig;
  wrk: Program;
  /** The core for the load; the origin runs there too. */
  core: number;
}

export interface Scenario {
  name: string;
  /** One line for the tables. */
  title: string;
  load: (tools: LoadTools, port: number, seconds: number) => Promise<LoadResult>;
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'small-get',
    title: 'GET, 21-byte body, 64 keep-alive connections, three backends',
    load: ({ rig, wrk, core }, port, seconds) => runWrk(rig, wrk, { url: `http://127.0.0.1:${port}/`, connections: 64, seconds, core }),
  },
];
