/** The proxies: how each is found and started. Their configs are in peers/. To add one, add a row and its config. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nginxUserLine, type Origin } from './origin.ts';
import { findProgram } from './rig/programs.ts';
import type { Ports } from './rig/ports.ts';
import type { Rig } from './rig/rig.ts';

const REPOSITORY = new URL('../../', import.meta.url);

/** What a proxy needs to be started. */
export interface Place {
  rig: Rig;
  ports: Ports;
  origin: Origin;
  core: number;
}

export interface Running {
  port: number;
  /** Of the program's first process: its children count too. */
  pid: number;
  /** For the report, where there is something to say. */
  note?: string;
}

export interface Contender {
  name: string;
  /** `undefined` = not on this machine. */
  version: () => string | undefined;
  /** How to get it. */
  install: string;
  start: (place: Place) => Promise<Running>;
}

export const STEELYARD: Contender = {
  name: 'steelyard',
  version: () => packageVersion('core'),
  install: '',
  start: startSteelyard,
};

export const PEERS: readonly Contender[] = [
  { name: 'nginx', version: () => findProgram('nginx', '-v')?.version, install: 'apt-get install nginx', start: startNginx },
  { name: 'haproxy', version: () => findProgram('haproxy', '-v')?.version, install: 'apt-get install haproxy', start: startHaproxy },
  { name: 'http-proxy-3', version: () => packageVersion('node_modules/http-proxy-3'), install: 'npm ci', start: startHttpProxy3 },
];
export const PEER_NAMES: readonly string[] = PEERS.map(({ name }) => name);

/** The command itself, not through npx: a wrapper's process would be counted. */
async function startSteelyard({ rig, ports, origin, core }: Place): Promise<Running> {
  const port = await ports.next();
  const config = fileURLToPath(new URL('peers/steelyard.config.ts', import.meta.url));
  const env = { BENCH_PORT: String(port), BENCH_METRICS_PORT: String(await ports.next()), BENCH_ORIGIN_PORTS: origin.ports.join(',') };
  const args = [fileURLToPath(new URL('core/bin/steelyard.js', REPOSITORY)), 'start', '--config', config, '--json'];
  const pid = await rig.start({ name: 'steelyard', command: process.execPath, args, env, core, port });
  return { port, pid, note: `on Node ${process.versions.node}, with round-robin, http-check, passive-check, prometheus` };
}

async function startNginx({ rig, ports, origin, core }: Place): Promise<Running> {
  const port = await ports.next();
  const [PORT_1, PORT_2, PORT_3] = origin.ports;
  const values = { USER_LINE: nginxUserLine(), FOLDER: rig.folder, PORT: port, PORT_1, PORT_2, PORT_3 };
  const file = rig.render(new URL('peers/nginx.conf', import.meta.url), 'nginx.conf', values);
  const command = findProgram('nginx', '-v')!.file;
  return { port, pid: await rig.start({ name: 'nginx', command, args: ['-p', rig.folder, '-e', 'stderr', '-c', file], core, port }), note: 'one worker' };
}

async function startHaproxy({ rig, ports, origin, core }: Place): Promise<Running> {
  const port = await ports.next();
  const [PORT_1, PORT_2, PORT_3] = origin.ports;
  const file = rig.render(new URL('peers/haproxy.cfg', import.meta.url), 'haproxy.cfg', { PORT: port, PORT_1, PORT_2, PORT_3 });
  // -db: stays in the foreground, one process.
  return { port, pid: await rig.start({ name: 'haproxy', command: findProgram('haproxy', '-v')!.file, args: ['-db', '-f', file], core, port }), note: 'one thread' };
}

async function startHttpProxy3({ rig, ports, origin, core }: Place): Promise<Running> {
  const port = await ports.next();
  const script = fileURLToPath(new URL('peers/http-proxy-3.ts', import.meta.url));
  const env = { BENCH_PORT: String(port), BENCH_ORIGIN_PORTS: origin.ports.join(',') };
  return { port, pid: await rig.start({ name: 'http-proxy-3', command: process.execPath, args: [script], env, core, port }), note: `on Node ${process.versions.node}` };
}

function packageVersion(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(new URL(`${folder}/package.json`, REPOSITORY), 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}
