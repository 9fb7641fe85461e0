/** The public surface of the core: a load balancer inside a program. */
export { createBalancer } from './balancer.ts';
export type { Balancer, BalancerOptions, BoundListener, Description, FileOptions, Ledger } from './balancer.ts';
