/** nginx and HAProxy before the origins, each with its config beside this file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxUserLine } from '../../bench/origin.ts';
import { Ports } from '../../bench/rig/ports.ts';
import { Rig } from '../../bench/rig/rig.ts';
import type { Proxy, StartProxy } from '../run.ts';

export interface Peer {
  readonly name: 'nginx' | 'haproxy';
  /** @param file of the installed program */
  readonly starter: (file: string) => StartProxy;
}

export const PEERS: readonly Peer[] = [
  { name: 'nginx', starter: (file) => (ports) => start('nginx', 'nginx.conf', ports, (config, folder) => [file, '-p', folder, '-e', 'stderr', '-c', config]) },
  // -db: stays in the foreground, one process.
  { name: 'haproxy', starter: (file) => (ports) => start('haproxy', 'haproxy.cfg', ports, (config) => [file, '-db', '-f', config]) },
];

async function start(name: string, template: string, originPorts: readonly number[], commandFor: (config: string, folder: string) => readonly [string, ...string[]]): Promise<Proxy> {
  const rig = new Rig();
  const free = new Ports();
  const ports: number[] = [];
  for (const _ of originPorts) ports.push(await free.next());
  const tickPort = await free.next();
  const config = join(rig.folder, template);
  writeFileSync(config, render(readFileSync(new URL(template, import.meta.url), 'utf8'), rig.folder, tickPort, ports, originPorts));
  const [command, ...args] = commandFor(config, rig.folder);
  await rig.start({ name, command, args, core: undefined, port: tickPort });
  return { ports, tickPort, stop: () => rig.close() };
}

/** The part between `# each lane` and `# end of lane` stands once for each. */
function render(template: string, folder: string, tickPort: number, ports: readonly number[], originPorts: readonly number[]): string {
  const [before = '', lane = '', after = ''] = template.split(/^ *# (?:each lane|end of lane)\n/m);
  const lanes = ports.map((port, index) => fill(lane, { LANE: index, PORT: port, ORIGIN_PORT: originPorts[index]! }));
  return fill(before, { USER_LINE: nginxUserLine(), FOLDER: folder, TICK_PORT: tickPort }) + lanes.join('') + after;
}
function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\$\{([A-Z_]+)\}/g, (_all, name: string) => String(values[name]));
}
