/** Backends and pools whose every fact a test sets by hand. */
import type { Backend, HealthState, PoolView, Protocol } from '../model.ts';

/**
 * What a test says about a backend; the rest is made up.
 * @example
 * import type { FakeBackendSpec } from '@steelyard/sdk/testkit';
 * const strong: FakeBackendSpec = { url: 'http://10.1.0.1:8080', weight: 10, zone: 'a' };
 * world().backends([strong, {}]);
 */
export interface FakeBackendSpec {
  /** Default `http://10.0.0.n:80`, n counting up within the world. */
  url?: string;
  /** Default `pool/url`. */
  id?: string;
  /** Default `api`. */
  pool?: string;
  weight?: number;
  labels?: Readonly<Record<string, string>>;
  zone?: string;
  priority?: number;
  /** Default no limit. */
  maxInFlight?: number;
  /** Default 0. */
  inFlight?: number;
  /** Default `up`. */
  health?: HealthState;
  draining?: boolean;
}

/**
 * A backend to set by hand: `backend.health = 'down'`, `backend.inFlight = 9`. Leases of the same world count in `inFlight` as well.
 * @example
 * const [one, two] = world().backends(2);
 * two!.draining = true;
 */
export class FakeBackend implements Backend {
  readonly id: string;
  readonly pool: string;
  readonly url: string;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
  readonly address: string;
  weight: number;
  labels: Readonly<Record<string, string>>;
  zone: string;
  priority: number;
  maxInFlight: number;
  inFlight: number;
  health: HealthState;
  draining: boolean;
  readonly row: number;

  constructor(number: number, spec: FakeBackendSpec = {}) {
    this.row = number;
    this.pool = spec.pool ?? 'api';
    this.url = spec.url ?? `http://10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}:80`;
    this.id = spec.id ?? `${this.pool}/${this.url}`;
    const { protocol, hostname, port } = new URL(this.url);
    this.protocol = protocol === 'tcp:' ? 'tcp' : 'http';
    this.host = hostname.replace(/^\[|\]$/g, '');
    this.port = port === '' ? 80 : Number(port);
    this.address = `${hostname}:${this.port}`;
    this.weight = spec.weight ?? 1;
    this.labels = spec.labels ?? {};
    this.zone = spec.zone ?? '';
    this.priority = spec.priority ?? 0;
    this.maxInFlight = spec.maxInFlight ?? Infinity;
    this.inFlight = spec.inFlight ?? 0;
    this.health = spec.health ?? 'up';
    this.draining = spec.draining ?? false;
    // As in the core, where a plugin that sets a mark on a backend throws. What the fields hold is the test's to change.
    Object.preventExtensions(this);
  }
}

/**
 * A pool as a pick sees it. Available = a member, not down, not draining, below its limit, not in `tried`; `unknown` counts as up.
 * @example
 * const w = world();
 * const pool = w.pool(w.backends(3));
 * pool.tried.add(pool.backends[0]!);
 * pool.isAvailable(pool.backends[0]!); // false
 */
export class FakePool implements PoolView {
  readonly name: string;
  /** Backends that the exchange now picking has tried already. */
  readonly tried = new Set<Backend>();
  /** 0 but while a strategy under test is asked: between two picks a test may change anything. */
  version = 0;
  #backends: readonly Backend[] = [];
  #members = new Set<Backend>();
  #byRow: ReadonlyMap<number, Backend> = new Map();
  #versions = 0;
  /** What `isAvailable` answered of each member when the version was last made. */
  #answers: boolean[] = [];
  /** Other members, or in another order. */
  #isRenewed = true;

  constructor(name: string, backends: readonly Backend[] = []) {
    this.name = name;
    this.backends = backends;
  }

  get backends(): readonly Backend[] {
    return this.#backends;
  }
  /** Frozen, as in the core: a strategy that sorts or cuts the list fails in its test. */
  set backends(backends: readonly Backend[]) {
    const isSame = backends.length === this.#backends.length && backends.every((backend, i) => backend === this.#backends[i]);
    if (!isSame) this.#isRenewed = true;
    this.#backends = Object.freeze([...backends]);
    this.#members = new Set(backends);
    this.#byRow = new Map(backends.map((backend) => [backend.row, backend]));
  }

  isAvailable(backend: Backend): boolean {
    return (
      this.#members.has(backend) && backend.health !== 'down' && !backend.draining &&
      backend.inFlight < backend.maxInFlight && (this.tried.size === 0 || !this.tried.has(backend))
    );
  }

  inFlightAt(row: number): number {
    return this.#byRow.get(row)?.inFlight ?? 0;
  }

  /**
   * Sets `version` as the contract has it, and no more generously: it stays while every member is as available as it was, whatever else an update changed;
   * it is 0 while somebody was tried or has a limit.
   */
  renewVersion(): void {
    this.version = 0;
    if (this.tried.size > 0) return;
    const backends = this.#backends;
    let isSame = !this.#isRenewed;
    this.#isRenewed = false;
    let hasLimits = false;
    for (let i = 0; i < backends.length; i++) {
      const backend = backends[i]!;
      hasLimits ||= backend.maxInFlight !== Infinity;
      const answer = this.isAvailable(backend);
      isSame &&= answer === this.#answers[i];
      this.#answers[i] = answer;
    }
    if (!isSame) this.#versions++;
    if (!hasLimits) this.version = this.#versions;
  }
}
