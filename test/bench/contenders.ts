/** The proxies: how each is found and started. Their configs are in peers/. To add one, add a row and its config. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nginxUserLine, type OriginPorts } from './origin.ts';
import { findProgram } from './rig/programs.ts';
import type { Ports } from './rig/ports.ts';
import type { Rig } from './rig/rig.ts';

const REPOSITORY = new URL('../../', import.meta.url);
const STEELYARD_BIN = fileURLToPath(new URL('core/bin/steelyard.js', REPOSITORY));
/** Where Debian and most others put nginx's dynamic modules. */
const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** What a proxy needs to be started. */
export interface Place {
  rig: Rig;
  ports: Ports;
  origin: OriginPorts;
  /** The core to run on, `undefined` = any. */
  core: number | undefined;
}

export interface Running {
  port: number;
  /** Of the program's first process: its children count too. */
  pid: number;
  /** Gives the heap's count of allocated bytes to whoever connects; Steelyard's alone, where it was asked for. */
  heapPort?: number;
}

export interface Contender {
  /** Unique within a scenario. */
  name: string;
  /** The program, as `--peers` calls it; `undefined` = Steelyard, which is always measured. */
  peer: string | undefined;
  /** `undefined` = not on this machine. */
  version: () => string | undefined;
  /** How to get it. */
  install: string;
  /** For the report. */
  note: string;
  start: (place: Place) => Promise<Running>;
}

export const PEER_NAMES: readonly string[] = ['nginx', 'haproxy', 'caddy', 'http-proxy-3', 'fast-proxy'];

export const steelyard = (name: string, config: string, options: SteelyardOptions = {}): Contender => ({
  name,
  peer: undefined,
  version: () => packageVersion('core'),
  install: '',
  note: `on Node ${process.versions.node}, one worker, with round-robin, http-check (tcp-check), passive-check, prometheus`,
  start: (place) => startSteelyard(place, config, options),
});
export const STEELYARD = steelyard('steelyard', 'steelyard.config.ts');

const nginxVersion = (): string | undefined => findProgram('nginx', '-v')?.version;
const haproxyVersion = (): string | undefined => findProgram('haproxy', '-v')?.version;

/** @param isSmall answers of at most some KiB: fast-proxy then pipelines, as its README's example does, and is quicker for it */
export const httpPeers = (isSmall: boolean): Contender[] => [
  { name: 'nginx', peer: 'nginx', version: nginxVersion, install: 'apt-get install nginx', note: 'one worker', start: (place) => startNginx(place, 'nginx.conf') },
  { name: 'haproxy', peer: 'haproxy', version: haproxyVersion, install: 'apt-get install haproxy', note: 'one thread', start: (place) => startHaproxy(place, 'haproxy.cfg') },
  { name: 'caddy', peer: 'caddy', version: () => findProgram('caddy', 'version')?.version, install: 'apt-get install caddy', note: 'GOMAXPROCS=1', start: startCaddy },
  nodePeer('http-proxy-3', `on Node ${process.versions.node}`, {}),
  nodePeer('fast-proxy', `on Node ${process.versions.node}, with undici; pipelining where answers are small`, { BENCH_PIPELINING: isSmall ? '10' : '1' }),
];

export const TCP_PEERS: readonly Contender[] = [
  {
    name: 'nginx', peer: 'nginx', version: () => (existsSync(NGINX_STREAM_MODULE) ? nginxVersion() : undefined), install: 'apt-get install nginx libnginx-mod-stream',
    note: 'one worker', start: (place) => startNginx(place, 'nginx-tcp.conf'),
  },
  { name: 'haproxy', peer: 'haproxy', version: haproxyVersion, install: 'apt-get install haproxy', note: 'one thread', start: (place) => startHaproxy(place, 'haproxy-tcp.cfg') },
];

/** Why Steelyard does not take `--workers <count>`, or `undefined` when it does. */
export function refusalOfWorkers(count: number): string | undefined {
  const known = refusals.get(count);
  if (known !== undefined) return known === '' ? undefined : known;
  // Without a config the command ends at once: with 64 and its reason when it does not like the option, otherwise with 78.
  let refusal = '';
  try {
    execFileSync(process.execPath, [STEELYARD_BIN, 'start', '--workers', String(count), '--config', '/dev/null/none.ts'], { stdio: 'pipe' });
  } catch (thrown) {
    const { status, stderr } = thrown as { status: number; stderr: Buffer };
    if (status === EXIT_USAGE) refusal = stderr.toString().trim();
  }
  refusals.set(count, refusal);
  return refusal === '' ? undefined : refusal;
}
const EXIT_USAGE = 64;
const refusals = new Map<number, string>();

export interface SteelyardOptions {
  /** Default 1; nothing is said to a Steelyard that has no workers. */
  workers?: number;
  /** Open a port that tells how many bytes of heap were ever allocated. */
  hasHeapProbe?: boolean;
}

/** The command itself, not through npx: a wrapper's process would be counted. */
async function startSteelyard({ rig, ports, origin, core }: Place, config: string, { workers = 1, hasHeapProbe = false }: SteelyardOptions): Promise<Running> {
  const port = await ports.next();
  const env: Record<string, string> = { BENCH_PORT: String(port), BENCH_METRICS_PORT: String(await ports.next()), BENCH_ORIGIN_PORTS: origin.join(',') };
  const args = [STEELYARD_BIN, 'start', '--config', fileURLToPath(new URL(`peers/${config}`, import.meta.url)), '--json'];
  if (workers === 0 || refusalOfWorkers(workers) === undefined) args.push('--workers', String(workers));
  const heapPort = hasHeapProbe ? await ports.next() : undefined;
  if (heapPort !== undefined) {
    env['BENCH_HEAP_PORT'] = String(heapPort);
    args.unshift('--import', new URL('rig/heap-probe.ts', import.meta.url).href);
  }
  const pid = await rig.start({ name: 'steelyard', command: process.execPath, args, env, core, port });
  return { port, pid, ...(heapPort === undefined ? {} : { heapPort }) };
}

async function startNginx({ rig, ports, origin: [PORT_1, PORT_2, PORT_3], core }: Place, config: string): Promise<Running> {
  const port = await ports.next();
  const values = { USER_LINE: nginxUserLine(), FOLDER: rig.folder, MODULE: NGINX_STREAM_MODULE, PORT: port, PORT_1, PORT_2, PORT_3 };
  const file = rig.render(new URL(`peers/${config}`, import.meta.url), config, values);
  const args = ['-p', rig.folder, '-e', 'stderr', '-c', file];
  return { port, pid: await rig.start({ name: 'nginx', command: findProgram('nginx', '-v')!.file, args, core, port }) };
}

async function startHaproxy({ rig, ports, origin: [PORT_1, PORT_2, PORT_3], core }: Place, config: string): Promise<Running> {
  const port = await ports.next();
  const file = rig.render(new URL(`peers/${config}`, import.meta.url), config, { PORT: port, PORT_1, PORT_2, PORT_3 });
  // -db: stays in the foreground, one process.
  return { port, pid: await rig.start({ name: 'haproxy', command: findProgram('haproxy', '-v')!.file, args: ['-db', '-f', file], core, port }) };
}

async function startCaddy({ rig, ports, origin: [PORT_1, PORT_2, PORT_3], core }: Place): Promise<Running> {
  const port = await ports.next();
  const file = rig.render(new URL('peers/Caddyfile', import.meta.url), 'Caddyfile', { PORT: port, PORT_1, PORT_2, PORT_3 });
  // Its state stays out of the user's home.
  const env = { GOMAXPROCS: '1', HOME: rig.folder, XDG_DATA_HOME: rig.folder, XDG_CONFIG_HOME: rig.folder };
  const args = ['run', '--adapter', 'caddyfile', '--config', file];
  return { port, pid: await rig.start({ name: 'caddy', command: findProgram('caddy', 'version')!.file, args, env, core, port }) };
}

function nodePeer(name: string, note: string, env: Record<string, string>): Contender {
  return { name, peer: name, version: () => packageVersion(`node_modules/${name}`), install: 'npm ci', note, start: (place) => startNode(place, name, env) };
}

async function startNode({ rig, ports, origin, core }: Place, name: string, settings: Record<string, string>): Promise<Running> {
  const port = await ports.next();
  const env = { ...settings, BENCH_PORT: String(port), BENCH_ORIGIN_PORTS: origin.join(',') };
  return { port, pid: await rig.start({ name, command: process.execPath, args: [fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url))], env, core, port }) };
}

function packageVersion(folder: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(new URL(`${folder}/package.json`, REPOSITORY), 'utf8')) as { version: string }).version;
  } catch {
    return undefined;
  }
}
