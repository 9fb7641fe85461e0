/** What is done to the balancer and its backends while the traffic flows: one thing after the other, drawn by the seed. */
import { rmSync } from 'node:fs';
import type { BalancerProcess } from './balancer-process.ts';
import type { OriginProcess } from './origin/origin-process.ts';
import type { Places } from './site/places.ts';
import { BREAKAGES } from './site/site.ts';
import type { Excuses } from './traffic/excuses.ts';
import { hear } from './traffic/raw.ts';

export interface SoakEvent {
  /** Seconds since the start. */
  at: number;
  kind: EventKind;
}
export const EVENT_KINDS = ['reload', 'broken config', 'discovery', 'backend killed', 'backend stopped', 'worker ended', 'slow log reader'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

const WEIGHTS: Record<EventKind, number> = { reload: 6, 'broken config': 2, discovery: 3, 'backend killed': 2, 'backend stopped': 1, 'worker ended': 2, 'slow log reader': 1 };
const SHORTEST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 1_500;
/** Its checks find a killed backend well again by then, and the last request that hung there has ended. */
const RECOVERY_MS = 1_500;
const LONGEST_STOP_MS = 4_000;
const LOG_PAUSE_MS = 2_000;
/** What was open at a reload may be cut at the drain limit of 3 s; some time more to be told of it. */
const DRAINED_MS = 4_500;

export interface EventParts {
  balancer: BalancerProcess;
  places: Places;
  mortals: readonly OriginProcess[];
  excuses: Excuses;
  random: () => number;
  /** Seconds since the start. */
  at: () => number;
  workers: number;
}

export class Events {
  readonly done: SoakEvent[] = [];
  /** What did not go as it must. */
  readonly faults: string[] = [];
  readonly #parts: EventParts;
  readonly #kinds: readonly EventKind[];
  #isOn = false;
  #running: Promise<void> = Promise.resolve();

  constructor(parts: EventParts) {
    this.#parts = parts;
    this.#kinds = EVENT_KINDS.filter((kind) => kind !== 'worker ended' || parts.workers > 0);
  }

  start(): void {
    this.#isOn = true;
    this.#running = this.#run();
  }

  /** Ends with the event under way; the base config serves when it resolves. */
  async rest(): Promise<void> {
    this.#isOn = false;
    await this.#running;
    this.#parts.places.writeBase();
    await this.#reload();
  }

  async #run(): Promise<void> {
    const { random } = this.#parts;
    while (this.#isOn) {
      await pause(SHORTEST_PAUSE_MS + random() * (LONGEST_PAUSE_MS - SHORTEST_PAUSE_MS));
      if (!this.#isOn) return;
      const kind = this.#pick();
      this.done.push({ at: this.#parts.at(), kind });
      await this.#do(kind).catch((error: unknown) => void this.faults.push(`${kind}: ${String(error)}`));
    }
  }

  #pick(): EventKind {
    const sum = this.#kinds.reduce((total, kind) => total + WEIGHTS[kind], 0);
    let left = this.#parts.random() * sum;
    return this.#kinds.find((kind) => (left -= WEIGHTS[kind]) < 0) ?? 'reload';
  }

  async #do(kind: EventKind): Promise<void> {
    const { balancer, places, random } = this.#parts;
    switch (kind) {
      case 'reload':
        places.writeNext();
        return this.#reload();
      case 'broken config': {
        const breakage = BREAKAGES[Math.floor(random() * BREAKAGES.length)]!;
        places.writeNext(breakage);
        const isTaken = await balancer.reload();
        // A worker that takes another's place loads the file too.
        places.writeAgain();
        if (isTaken) this.faults.push(`a reload with a config that is broken (${breakage}) was done`);
        return;
      }
      case 'discovery':
        return places.writeFoundNext();
      case 'backend killed':
        return this.#harm(async (mortal) => {
          await mortal.kill();
          await pause(random() * RECOVERY_MS);
          await mortal.start();
        });
      case 'backend stopped':
        return this.#harm(async (mortal) => {
          mortal.signal('SIGSTOP');
          await pause(random() * LONGEST_STOP_MS);
          mortal.signal('SIGCONT');
        });
      case 'worker ended':
        return this.#endWorker();
      case 'slow log reader':
        return balancer.pauseReading(random() * LOG_PAUSE_MS);
      default:
        return kind satisfies never;
    }
  }

  /** As log rotation does it: the file is gone, and the reload opens it anew. */
  async #reload(): Promise<void> {
    const { balancer, places, excuses } = this.#parts;
    rmSync(places.accessLog, { force: true });
    const end = excuses.begin('reload');
    setTimeout(end, DRAINED_MS).unref();
    if (!(await balancer.reload())) this.faults.push(`a reload with a good config was refused. The last lines:\n  ${balancer.tail}`);
  }

  async #harm(harm: (mortal: OriginProcess) => Promise<void>): Promise<void> {
    const { mortals, excuses, random } = this.#parts;
    const end = excuses.begin('mortal');
    await harm(mortals[Math.floor(random() * mortals.length)]!);
    setTimeout(end, RECOVERY_MS).unref();
  }

  async #endWorker(): Promise<void> {
    const { balancer, places, excuses, random } = this.#parts;
    const end = excuses.begin('worker');
    const replaced = balancer.line(({ msg }) => msg.endsWith('was replaced'));
    const path = random() < 0.5 ? '/crash/exit' : '/crash/throw';
    await hear(places.ports.web, (socket) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: soak.example\r\nConnection: close\r\n\r\n`));
    await replaced;
    // One that threw drains beside its replacement, and cuts off what is left at the drain limit.
    setTimeout(end, DRAINED_MS).unref();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
