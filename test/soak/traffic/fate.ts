/** What became of an exchange, as its client saw it. */
export type Fate =
  /** The right answer, to the last byte. */
  | { kind: 'answered' }
  /** An answer of the balancer's own: an error. */
  | { kind: 'status'; status: number }
  /** The connection ended before the first byte of an answer. */
  | { kind: 'cut' }
  /** The connection ended within the answer. */
  | { kind: 'broken' }
  /** Never allowed: another's answer, changed bytes, framing that nobody can read. */
  | { kind: 'wrong'; why: string }
  /** Never allowed: nothing came to an end. */
  | { kind: 'late' };

/** `answered`, `504`, `cut` */
export function nameOf(fate: Fate): string {
  return fate.kind === 'status' ? String(fate.status) : fate.kind;
}

/** An exchange that has not ended by then never will: longer than every time limit in the config. Milliseconds. */
export const LATE_MS = 30_000;
