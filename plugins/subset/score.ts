/**
 * How much a balancer likes a backend: highest random weight (D. G. Thaler, C. V. Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM
 * Transactions on Networking 6(1), 1998). The first 48 bits of SHA-256 of both: only worked out when members change.
 */
import { createHash } from 'node:crypto';

export function score(balancer: string, backend: string): number {
  return createHash('sha256').update(balancer).update('\0').update(backend).digest().readUIntBE(0, 6);
}
