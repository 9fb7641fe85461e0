/** `steelyard init`: a first config, with comments, to be changed. */
import { writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';
import { SteelyardError } from '@steelyard/sdk';
import { installedPlugins } from '../config/installed.ts';
import type { Arguments } from './arguments.ts';
import { findConfig } from './config-path.ts';

const TEMPLATE = `// Steelyard runs this file: \`steelyard start\`. Try a change with \`steelyard check\`; a running balancer takes it over on SIGHUP,
// or at once when it was started with --watch. Whatever is left out has a default: \`steelyard check\` shows all of them.
import { defineConfig } from '@steelyard/sdk';
import httpCheck from '@steelyard/plugins/http-check';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';

export default defineConfig({
  // Where clients connect.
  listeners: [{ port: 8080 }],

  pools: {
    web: {
      // Your servers. Weights, limits and labels: { url: 'http://10.0.0.1:9001', maxInFlight: 100, labels: { version: 'v2' } }
      backends: ['http://127.0.0.1:9001', 'http://127.0.0.1:9002'],

      // Who gets the next request. Others: least-connections, p2c, random, weighted-round-robin.
      strategy: roundRobin(),

      // Both must be content: the first asks every server now and then, the second watches real requests.
      health: [httpCheck({ path: '/' }), passiveCheck()],
    },
  },

  // The first route that matches counts. Without \`match\` it takes everything.
  routes: [
    // { match: { host: 'api.example.org', path: '/v1/*' }, pool: 'api', rewrite: { stripPrefix: '/v1' } },
    { pool: 'web' },
  ],

  // For all traffic. Metrics: http://127.0.0.1:9464/metrics
  plugins: [prometheus({ port: 9464 })],
});
`;

/** A config may come to hold keys. */
const FILE_MODE = 0o640;

export async function init({ config }: Arguments): Promise<number> {
  const folder = process.cwd();
  const existing = config === undefined ? findConfig(undefined, folder) : undefined;
  if (existing !== undefined) throw refusal(relative(folder, existing));
  const file = findConfig(config ?? 'balancer.config.ts', folder)!;
  const name = relative(folder, file);
  try {
    await writeFile(file, TEMPLATE, { flag: 'wx', mode: FILE_MODE });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') throw refusal(name);
    throw new SteelyardError('ERR_CONFIG_LOAD', { source: 'config', message: `${name} cannot be written`, cause: thrown });
  }
  const other = config === undefined ? '' : ` --config ${name}`;
  const install = installedPlugins(dirname(file)).length > 0 ? [] : ['  npm install @steelyard/core @steelyard/sdk @steelyard/plugins'];
  console.log([`${name} is written. Put your servers in it, then:`, ...install, `  npx steelyard check${other}`, `  npx steelyard start${other}`].join('\n'));
  return 0;
}

function refusal(name: string): SteelyardError {
  return new SteelyardError('ERR_STATE', { source: 'config', message: `${name} is there already, it stays as it is`, hint: 'steelyard init --config another.config.ts writes beside it' });
}
