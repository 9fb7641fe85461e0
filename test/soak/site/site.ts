/** What the config file of the soak reads, as JSON in the file that SOAK_SITE names. The driver writes it anew before each reload. */
import { renameSync, writeFileSync } from 'node:fs';

/** Ways in which a reload must be refused, and leave nothing behind. */
export const BREAKAGES = ['throws', 'unknown pool', 'plugin', 'port in use'] as const;
export type Breakage = (typeof BREAKAGES)[number];

export interface Site {
  /** Http listeners: for those who behave, and for those who do not, with tight time limits. */
  port: number;
  strictPort: number;
  tcpPort: number;
  metricsPort: number;
  /** A listener that comes and goes, each time under another name. */
  extra: { name: string; port: number } | undefined;
  /** Nobody but an origin may listen there. */
  takenPort: number;
  accessLog: string;
  /** An address a line. */
  discoveryFile: string;
  backends: { steady: string[]; churn: string[]; faulty: string[]; mortal: string[]; tcp: string[] };
  strategy: 'round-robin' | 'p2c';
  /** Of a pool and its route: another with each reload. */
  passingName: string;
  breakage: Breakage | undefined;
  /** A request may end the worker that it is in. */
  mayCrash: boolean;
}

/** In one step: nobody reads half of it. */
export function writeSite(file: string, site: Site): void {
  writeFileSync(`${file}.new`, JSON.stringify(site));
  renameSync(`${file}.new`, file);
}
