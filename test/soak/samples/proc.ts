/** What the kernel knows of a process: memory, descriptors, sockets, threads. See proc(5). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcSample {
  /** Resident, shared pages included. */
  rssBytes: number;
  /** Peak so far. */
  peakRssBytes: number;
  threads: number;
  /** Open descriptors, by what they are: `socket`, `pipe`, `anon_inode:[eventpoll]`, `file`. */
  descriptors: Record<string, number>;
  /** TCP sockets of the process, by state. */
  sockets: Record<string, number>;
}

/** The numbers of include/net/tcp_states.h. */
const STATES: Record<string, string> = {
  '01': 'established', '02': 'syn-sent', '03': 'syn-received', '04': 'fin-wait-1', '05': 'fin-wait-2', '06': 'time-wait', '07': 'close', '08': 'close-wait', '09': 'last-ack', '0A': 'listen', '0B': 'closing',
};

/** @throws when the process is gone */
export function procSampleOf(pid: number): ProcSample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const number = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  const descriptors: Record<string, number> = {};
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    let target: string;
    try {
      target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    } catch {
      continue; // closed between the listing and the reading
    }
    const [, kind = 'file', inode = ''] = /^(socket|pipe|anon_inode):\[?([^\]]*)\]?$/.exec(target) ?? [];
    if (kind === 'socket') inodes.add(inode);
    const name = kind === 'anon_inode' ? inode : kind;
    descriptors[name] = (descriptors[name] ?? 0) + 1;
  }
  return { rssBytes: number('VmRSS') * 1_024, peakRssBytes: number('VmHWM') * 1_024, threads: number('Threads'), descriptors, sockets: socketsOf(pid, inodes) };
}

function socketsOf(pid: number, inodes: ReadonlySet<string>): Record<string, number> {
  const sockets: Record<string, number> = {};
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (!inodes.has(fields[9] ?? '')) continue;
      const state = STATES[fields[3]!] ?? fields[3]!;
      sockets[state] = (sockets[state] ?? 0) + 1;
    }
  }
  return sockets;
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
