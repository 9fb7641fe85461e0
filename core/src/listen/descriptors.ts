/** How many files the process may have open: every connection is one, and who has none left can neither accept nor connect. */
import { readFileSync } from 'node:fs';

/** Of the process itself: logs, pipes, listeners, threads, probes, exporters. */
const OWN_DESCRIPTORS = 256;
/** More connections than this need more memory than most machines have for them: whoever has it says so. */
const MAX_CONNECTIONS = 65_536;
/** A sixteenth is left to those who are served already, their backends and the log; bounds for the smallest and the largest. */
const RESERVED_SHARE = 16;
const MIN_RESERVED = 16;
const MAX_RESERVED = 1_024;

/** `Infinity` = the system does not say. Node raises the soft limit to the hard one at its start. */
export function descriptorLimit(): number {
  try {
    return limitOf(readFileSync('/proc/self/limits', 'latin1'));
  } catch {
    return Infinity;
  }
}

/** @param text as Linux shows it. */
export function limitOf(text: string): number {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(text)?.[1];
  return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
}

/** Client connections for which there is room, when each has another one to a backend. At least 1. */
export function connectionsByDescriptors(limit: number = descriptorLimit()): number {
  if (limit === Infinity) return Infinity;
  return Math.min(MAX_CONNECTIONS, Math.max(1, Math.floor((limit - Math.min(OWN_DESCRIPTORS, limit / 2)) / 2)));
}

/**
 * The system gives the lowest free number (POSIX, open(2)): a connection with this one or a higher says that so many are in use.
 * From there on nothing more is accepted.
 */
export function lastDescriptors(limit: number = descriptorLimit()): number {
  return limit - Math.min(MAX_RESERVED, Math.max(MIN_RESERVED, Math.floor(limit / RESERVED_SHARE)));
}
