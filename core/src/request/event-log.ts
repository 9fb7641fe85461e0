/** What the data path tells the log: rate-limited, so that an outage does not drown in its own lines, and never with header values. */
import type { Connection, ErrorCode } from '@steelyard/sdk';
import { describeError, type Logger } from '@steelyard/sdk';

/** Lines of one kind per second; the next line says how many were left out. */
const LINES_PER_SECOND = 5;
const LIMITED_EVERY_MS = 10_000;
const MAX_KINDS = 1_000;

interface Allowance {
  /** A second, or longer. */
  period: number;
  lines: number;
  suppressed: number;
}

interface RefusalFacts {
  exchange: number;
  listener: string;
  client: string;
  status: number;
  route?: string | undefined;
  backend?: string | undefined;
  attempts?: number;
}

export class EventLog {
  readonly #log: Logger;
  readonly #allowances = new Map<string, Allowance>();

  constructor(log: Logger) {
    this.#log = log;
  }

  refused(connection: Connection, code: ErrorCode, reason: string): void {
    this.#write('info', 'refused', { code, listener: connection.listener, client: connection.remoteAddress }, `connection refused: ${reason}`);
  }

  /** The core answered in place of a backend, or cut an exchange. */
  answered(code: ErrorCode, detail: string, facts: RefusalFacts): void {
    const level = facts.status >= 500 ? 'warn' : 'info';
    this.#write(level, code, { code, ...facts }, detail);
  }

  /** An attempt failed; another may follow. */
  attemptFailed(code: ErrorCode, detail: string, facts: { backend: string; exchange: number; phase: string; attempt: number }): void {
    this.#write('warn', code + facts.backend, { code, ...facts }, detail);
  }

  /** A limit was met that is not told by an answer. One line of a kind in a while: whoever floods us does not get our disk as well. */
  limited(limit: string, facts: { listener: string; client?: string }, message: string): void {
    this.#write('warn', `limit ${limit}`, { limit, ...facts }, message, 1, LIMITED_EVERY_MS);
  }

  fault(error: unknown, message: string): void {
    try {
      this.#write('error', message, { err: error }, message);
    } catch {
      // The logger of a program has serializers of its own, and what was thrown may have getters that throw, too.
      this.#write('error', message, { error: describeError(error) }, message);
    }
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', kind: string, fields: object, message: string, most = LINES_PER_SECOND, everyMs = 1_000): void {
    const period = Math.floor(performance.now() / everyMs);
    let allowance = this.#allowances.get(kind);
    if (!allowance) {
      // Backends come and go, and kinds with them: forgetting all allowances now and then costs a few lines more.
      if (this.#allowances.size >= MAX_KINDS) this.#allowances.clear();
      this.#allowances.set(kind, (allowance = { period, lines: 0, suppressed: 0 }));
    }
    if (allowance.period !== period) {
      allowance.period = period;
      allowance.lines = 0;
    }
    if (++allowance.lines > most) {
      allowance.suppressed++;
      return;
    }
    const suppressed = allowance.suppressed;
    allowance.suppressed = 0;
    this.#log[level](suppressed > 0 ? { ...fields, suppressed } : fields, message);
  }
}
