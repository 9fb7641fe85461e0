/** The public surface of the core: a load balancer inside a program. */
export { createBalancer } from './balancer.ts';
export type { Balancer } from './balancer.ts';
export type { BalancerOptions, FileOptions } from './balancer-options.ts';
export type { ConfigError } from './config/report.ts';
export type { ConfigFault } from './config/faults.ts';
export type { BoundListener, Description, Ledger } from './description.ts';
