/** `steelyard check`: validates, creates strategies and health checks for a moment, prints, starts nothing. What the config may say and hardly means goes to standard error, and changes no exit code. */
import { relative } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { noticesOf } from '../config/notices.ts';
import { ConfigError, reportFaults } from '../config/report.ts';
import { workerCount } from '../config/workers.ts';
import type { Arguments } from './arguments.ts';
import { needConfig } from './config-path.ts';
import { outline, toJson } from './outline.ts';
import { rehearse } from './rehearse.ts';

export async function check({ config, json }: Arguments): Promise<number> {
  const file = needConfig(config, process.cwd());
  try {
    const { resolved: loaded } = await loadConfig(file, { command: 'check', env: process.env });
    // As `start` would have it on this machine.
    const resolved = { ...loaded, workers: workerCount(undefined, loaded.workers, 'check') };
    const faults = await rehearse(resolved);
    if (faults.length > 0) throw new ConfigError('ERR_CONFIG', reportFaults(faults, file), { faults });
    if (json) console.log(JSON.stringify(toJson(resolved), undefined, 2));
    else console.log([...outline(resolved), '', `${relative(process.cwd(), file)} is valid.`].join('\n'));
    for (const notice of noticesOf(resolved)) console.error(`warning: ${notice}`);
    return 0;
  } catch (thrown) {
    if (json && thrown instanceof ConfigError) {
      const { code, message, faults } = thrown;
      console.log(JSON.stringify({ code, message, faults }, undefined, 2));
    }
    throw thrown;
  }
}
