/** Where everything of a run is: ports and addresses of loopback, files in a folder of its own; and which config is wanted next. */
import { join } from 'node:path';
import { renameSync, writeFileSync } from 'node:fs';
import type { Ports } from '../../bench/rig/ports.ts';
import { shuffled } from '../../bench/statistics.ts';
import type { Listens } from '../origin/origin.ts';
import { writeSite, type Breakage, type Site } from './site.ts';

const STEADY = 3;
const CHURNING = 8;
const FOUND = 40;
const MORTALS = 3;

export class Places {
  readonly siteFile: string;
  readonly ports: { web: number; strict: number; tcp: number; metrics: number; probe: number; extra: number };
  readonly #origin: number;
  readonly #mortals: readonly number[];
  readonly #tcpOrigins: readonly number[];
  readonly #folder: string;
  readonly #random: () => number;
  readonly #mayCrash: boolean;
  #serial = 0;
  /** What serves. */
  #good: Site | undefined;

  private constructor(folder: string, random: () => number, mayCrash: boolean, given: readonly number[]) {
    const [web, strict, tcp, metrics, probe, extra, origin, ...others] = given as [number, number, number, number, number, number, number, ...number[]];
    this.ports = { web, strict, tcp, metrics, probe, extra };
    this.#origin = origin;
    this.#mortals = others.slice(0, MORTALS);
    this.#tcpOrigins = others.slice(MORTALS);
    this.#folder = folder;
    this.#random = random;
    this.#mayCrash = mayCrash;
    this.siteFile = join(folder, 'site.json');
  }

  static async find(folder: string, random: () => number, mayCrash: boolean, ports: Ports): Promise<Places> {
    const given: number[] = [];
    for (let i = 0; i < 7 + MORTALS + 2; i++) given.push(await ports.next());
    return new Places(folder, random, mayCrash, given);
  }

  /** Of the process that stays. Each of its backends has an address of its own. */
  get steady(): Listens {
    const http = [...this.#hosts(1, STEADY), ...this.#hosts(2, CHURNING), ...this.#hosts(3, FOUND)].map((host) => ({ host, port: this.#origin }));
    return { http, tcp: this.#tcpOrigins.map((port) => ({ host: '127.0.0.1', port })) };
  }
  /** Of those that are killed. */
  get mortals(): Listens[] {
    return this.#mortals.map((port) => ({ http: [{ host: '127.0.0.1', port }], tcp: [] }));
  }
  get accessLog(): string {
    return join(this.#folder, 'access.log');
  }

  /** The config that every quiet point has. */
  writeBase(): void {
    this.#good = this.#base();
    this.writeAgain();
    this.#writeFound(this.#found().slice(0, STEADY));
  }

  /** Another one, good unless it is to be broken. */
  writeNext(breakage?: Breakage): void {
    const some = (list: readonly string[]): string[] => shuffled(list, this.#random).slice(0, 1 + Math.floor(this.#random() * list.length));
    const base = this.#base();
    const serial = ++this.#serial;
    const next: Site = {
      ...base, breakage,
      backends: { ...base.backends, churn: some(this.#urls(2, CHURNING)), steady: shuffled(base.backends.steady, this.#random) },
      strategy: this.#random() < 0.5 ? 'p2c' : 'round-robin',
      passingName: `passing-${serial}`,
      extra: this.#random() < 0.5 ? { name: `extra-${serial}`, port: this.ports.extra } : undefined,
    };
    if (breakage === undefined) this.#good = next;
    writeSite(this.siteFile, next);
  }

  /** The last good one. */
  writeAgain(): void {
    if (this.#good) writeSite(this.siteFile, this.#good);
  }

  /** Another list for the discovery, which takes it without a reload. */
  writeFoundNext(): void {
    this.#writeFound(shuffled(this.#found(), this.#random).slice(0, 1 + Math.floor(this.#random() * FOUND)));
  }

  #base(): Site {
    const { web: port, strict: strictPort, tcp: tcpPort, metrics: metricsPort } = this.ports;
    const steady = this.#urls(1, STEADY);
    return {
      port, strictPort, tcpPort, metricsPort, extra: undefined, takenPort: this.#mortals[0]!, accessLog: this.accessLog, discoveryFile: join(this.#folder, 'found'),
      backends: {
        steady, churn: this.#urls(2, CHURNING).slice(0, STEADY), faulty: steady,
        mortal: this.#mortals.map((mortal) => `http://127.0.0.1:${mortal}`), tcp: this.#tcpOrigins.map((origin) => `tcp://127.0.0.1:${origin}`),
      },
      strategy: 'round-robin', passingName: 'passing', breakage: undefined, mayCrash: this.#mayCrash,
    };
  }

  #found(): string[] {
    return this.#urls(3, FOUND);
  }
  #urls(net: number, count: number): string[] {
    return this.#hosts(net, count).map((host) => `http://${host}:${this.#origin}`);
  }
  #hosts(net: number, count: number): string[] {
    return Array.from({ length: count }, (_, i) => `127.0.${net}.${i + 1}`);
  }
  #writeFound(urls: readonly string[]): void {
    // In one step: one who read half of it would take the others out.
    writeFileSync(join(this.#folder, 'found.new'), urls.join('\n'));
    renameSync(join(this.#folder, 'found.new'), join(this.#folder, 'found'));
  }
}
