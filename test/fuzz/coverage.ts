/** Which code of the parsers an input reaches, by V8's own block counters. */
import { Session } from 'node:inspector';

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}
interface Taken {
  result: { url: string; functions: { ranges: Range[] }[] }[];
}

const PARSERS = '/core/src/http1/';
/** How often a block ran, in steps: a loop taken four times is another thing than one taken once, but hardly than one taken five times. */
function step(count: number): number {
  return Math.min(31 - Math.clz32(count), 10);
}

/** The steps met so far of each block, as bits. */
export type Reached = Map<string, number>;

export class Coverage {
  readonly #session = new Session();

  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }
  stop(): void {
    this.#session.disconnect();
  }
  /** Forgets what ran since the last call. */
  skip(): void {
    this.#take();
  }
  /** How much ran since the last call that was not in `reached`; now it is. */
  news(reached: Reached): number {
    let news = 0;
    for (const { url, functions } of this.#take()) {
      if (!url.includes(PARSERS)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue;
          const block = `${url}:${startOffset}:${endOffset}`;
          const before = reached.get(block) ?? 0;
          const now = before | (1 << step(count));
          if (now === before) continue;
          reached.set(block, now);
          news += 1;
        }
      }
    }
    return news;
  }

  #take(): Taken['result'] {
    let taken: Taken['result'] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, met) => {
      if (error) throw error;
      taken = (met as Taken).result;
    });
    return taken;
  }
}
