/** What is compared: how each is found and started. To add one, add a row. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nginxUserLine } from '../origin.ts';
import type { Ports } from '../rig/ports.ts';
import { findProgram } from '../rig/programs.ts';
import type { Rig } from '../rig/rig.ts';

const REPOSITORY = new URL('../../../', import.meta.url);
const STEELYARD_BIN = fileURLToPath(new URL('core/bin/steelyard.js', REPOSITORY));

export interface Place {
  rig: Rig;
  ports: Ports;
  /** Ports of the backends. */
  backends: readonly number[];
}

export interface Balancer {
  /** As `--only` calls it, and as the report does. */
  name: string;
  isOurs: boolean;
  /** Backends say their load in each response. */
  hasHints: boolean;
  /** The program with its version; `undefined` = not on this machine. */
  program: () => string | undefined;
  install: string;
  /** Resolves with its port. */
  start: (place: Place) => Promise<number>;
}

export const BALANCERS: readonly Balancer[] = [
  steelyard('prequal'),
  steelyard('prequal-hints', true),
  steelyard('peak-ewma'),
  steelyard('peak-ewma-8'),
  steelyard('expected-delay'),
  steelyard('p2c'),
  steelyard('least-connections'),
  nginx('nginx-least-conn', 'least_conn'),
  nginx('nginx-random-two', 'random two least_conn'),
  haproxy('haproxy-leastconn', 'leastconn'),
  haproxy('haproxy-random-2', 'random(2)'),
  caddy('caddy-least-conn', 'least_conn'),
];

function steelyard(strategy: string, hasHints = false): Balancer {
  const { version } = JSON.parse(readFileSync(new URL('core/package.json', REPOSITORY), 'utf8')) as { version: string };
  return {
    name: strategy, isOurs: true, hasHints, install: '', program: () => `Steelyard ${version} on Node ${process.versions.node}, one worker`,
    async start({ rig, ports, backends }) {
      const port = await ports.next();
      const args = [STEELYARD_BIN, 'start', '--config', fileURLToPath(new URL('peers/steelyard.config.ts', import.meta.url)), '--json', '--workers', '1'];
      const env = { BALANCE_PORT: String(port), BALANCE_STRATEGY: strategy, BALANCE_BACKENDS: backends.join(',') };
      await rig.start({ name: strategy, command: process.execPath, args, env, core: undefined, port });
      return port;
    },
  };
}

function nginx(name: string, method: string): Balancer {
  return {
    name, isOurs: false, hasHints: false, install: 'apt-get install nginx', program: () => versionOf('nginx', '-v', 'one worker'),
    async start({ rig, ports, backends }) {
      const port = await ports.next();
      const servers = backends.map((backend) => `server 127.0.0.1:${backend};`).join('\n    ');
      const values = { USER_LINE: nginxUserLine(), FOLDER: rig.folder, NAME: name, METHOD: method, SERVERS: servers, PORT: port };
      const file = rig.render(new URL('peers/nginx.conf', import.meta.url), `${name}.conf`, values);
      await rig.start({ name, command: findProgram('nginx', '-v')!.file, args: ['-p', rig.folder, '-e', 'stderr', '-c', file], core: undefined, port });
      return port;
    },
  };
}

function haproxy(name: string, method: string): Balancer {
  return {
    name, isOurs: false, hasHints: false, install: 'apt-get install haproxy', program: () => versionOf('haproxy', '-v', 'one thread'),
    async start({ rig, ports, backends }) {
      const port = await ports.next();
      const servers = backends.map((backend, index) => `    server backend-${index} 127.0.0.1:${backend}`).join('\n');
      const file = rig.render(new URL('peers/haproxy.cfg', import.meta.url), `${name}.cfg`, { METHOD: method, SERVERS: servers, PORT: port });
      await rig.start({ name, command: findProgram('haproxy', '-v')!.file, args: ['-db', '-f', file], core: undefined, port });
      return port;
    },
  };
}

function caddy(name: string, method: string): Balancer {
  return {
    name, isOurs: false, hasHints: false, install: 'apt-get install caddy', program: () => versionOf('caddy', 'version', 'GOMAXPROCS=1'),
    async start({ rig, ports, backends }) {
      const port = await ports.next();
      const servers = backends.map((backend) => `127.0.0.1:${backend}`).join(' ');
      const file = rig.render(new URL('peers/Caddyfile', import.meta.url), name, { METHOD: method, SERVERS: servers, PORT: port });
      // Its state stays out of the user's home.
      const env = { GOMAXPROCS: '1', HOME: rig.folder, XDG_DATA_HOME: rig.folder, XDG_CONFIG_HOME: rig.folder };
      await rig.start({ name, command: findProgram('caddy', 'version')!.file, args: ['run', '--adapter', 'caddyfile', '--config', file], env, core: undefined, port });
      return port;
    },
  };
}

function versionOf(name: string, flag: string, note: string): string | undefined {
  const found = findProgram(name, flag);
  return found && `${name} ${found.version}, ${note}`;
}
