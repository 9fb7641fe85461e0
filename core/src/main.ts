/** The command line. Exit codes: 0, 1 failure, 64 usage, 78 config (the last two as in sysexits.h). */
import { describeError, isSteelyardError, type ErrorCode } from '@steelyard/sdk';
import { parseArguments, type Arguments } from './cli/arguments.ts';
import { helpFor } from './cli/help.ts';
import { version } from './cli/version.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  ERR_USAGE: EXIT_USAGE,
  ERR_CONFIG: EXIT_CONFIG,
  ERR_CONFIG_LOAD: EXIT_CONFIG,
  ERR_CONFIG_NOT_FOUND: EXIT_CONFIG,
  ERR_PLUGIN_DEFINITION: EXIT_CONFIG,
  ERR_PLUGIN_OPTIONS: EXIT_CONFIG,
};

async function run(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args);
  if (parsed.version) {
    console.log(version());
    return 0;
  }
  return await execute(parsed);
}

/** Each command is loaded when it is wanted: `--help` does not wait for a balancer. */
async function execute(parsed: Arguments): Promise<number> {
  switch (parsed.command) {
    case 'start':
      return await (await import('./cli/start.ts')).start(parsed);
    case 'check':
      return await (await import('./cli/check.ts')).check(parsed);
    case 'init':
      return await (await import('./cli/init.ts')).init(parsed);
    case 'plugins':
      return await (await import('./cli/plugins.ts')).plugins(parsed);
    case 'help':
      process.stdout.write(helpFor(parsed.topic));
      return 0;
    default:
      return parsed.command satisfies never;
  }
}

async function main(): Promise<number> {
  try {
    return await run(process.argv.slice(2));
  } catch (thrown) {
    console.error(`steelyard: ${describeError(thrown)}`);
    // A fault of ours, or of a plugin that threw something of its own: where it was helps more than the sentence.
    if (!isSteelyardError(thrown) && thrown instanceof Error) console.error(thrown.stack);
    return isSteelyardError(thrown) ? (EXIT_CODES[thrown.code] ?? EXIT_FAILURE) : EXIT_FAILURE;
  }
}

const code = await main();
// A config or a plugin may have left something open that would keep the process; its output must be out before.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
