/** What `steelyard help` says. */
import type { CommandName } from './arguments.ts';

const OVERVIEW = `steelyard, a programmable load balancer

  steelyard [start]     runs balancer.config.ts of this folder
  steelyard check       validates the config and prints it with all defaults
  steelyard init        writes a first balancer.config.ts
  steelyard plugins     lists plugins and their options
  steelyard help start  tells more of a command

  -c, --config <file>   another config: .ts, .js, .mjs or .json
  -h, --help            this page
  -v, --version         the version
`;

const PAGES: Record<CommandName, string> = {
  start: `steelyard [start]: runs a config

  steelyard
  steelyard start --config staging.config.ts --watch

  -c, --config <file>    default balancer.config.ts, .js, .mjs or .json in this folder
  -w, --watch            reloads when the config, or a local file that it imports, changes
      --log-level <of>   debug, info, warn, error or silent; default: log.level of the config
      --json             logs as JSON lines in a terminal too
      --workers <n>      threads that carry the traffic, 0 to 64; 0 = all in one thread, auto = one per core;
                         default: workers of the config, or else one per core

Signals: SIGHUP reloads. SIGTERM and SIGINT (Ctrl-C) stop: no new connections, open exchanges may end within
drainLimitMs; a second one stops at once.
Exit codes: 0 stopped, 1 failed (a port in use, a plugin that threw), 64 command line, 78 config.
`,
  check: `steelyard check: validates a config, with what its strategies and health checks say of their
options, and prints it with all defaults; starts nothing

  steelyard check
  steelyard check --json | jq .pools

  -c, --config <file>   default balancer.config.ts, .js, .mjs or .json in this folder
      --json            the config as JSON; { "faults": [...] } when it has some

Exit codes: 0 valid, 64 command line, 78 config; its faults are told on standard error.
`,
  init: `steelyard init: writes a first config with comments; never overwrites

  steelyard init
  steelyard init --config lab.config.ts

  -c, --config <file>   default balancer.config.ts
`,
  plugins: `steelyard plugins: lists the plugins of the config with their options; without a config those of @steelyard/plugins

  steelyard plugins
  steelyard plugins --json

  -c, --config <file>   default balancer.config.ts, .js, .mjs or .json in this folder
      --json            as JSON
`,
  help: OVERVIEW,
};

export function helpFor(topic: CommandName | undefined): string {
  return topic === undefined ? OVERVIEW : PAGES[topic];
}
