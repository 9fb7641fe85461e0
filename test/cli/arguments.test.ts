import { describe, expect, it } from 'vitest';
import { COMMANDS, parseArguments } from '../../core/src/cli/arguments.ts';
import { helpFor } from '../../core/src/cli/help.ts';

describe('parseArguments', () => {
  it.each([
    ['', { command: 'start' }], ['start --watch -c x.ts', { command: 'start', watch: true, config: 'x.ts' }], ['check --json', { command: 'check', json: true }],
    ['--log-level=debug', { command: 'start', logLevel: 'debug' }], ['help check', { command: 'help', topic: 'check' }], ['check --help', { command: 'help', topic: 'check' }],
    ['--help', { command: 'help', topic: undefined }], ['--version', { version: true }], ['--workers 0', { command: 'start', workers: 0 }],
    ['start --workers 64', { workers: 64 }], ['--workers=auto', { workers: 'auto' }], ['start', { workers: undefined }],
  ])('understands "%s"', (line, wanted) => {
    expect(parseArguments(line === '' ? [] : line.split(' '))).toMatchObject(wanted);
  });

  it.each([
    ['strat', "'strat' is no command", 'did you mean start?'], ['x.config.ts', "'x.config.ts' is no command", 'did you mean --config x.config.ts?'], ['reload', "'reload' is no command", 'commands are start, check, init, plugins, help'],
    ['--confg x', '--confg is no option', 'did you mean --config?'], ['-x', '-x is no option', 'steelyard help lists them'], ['--config', '--config needs a value', ''], ['--config=', '--config needs a value', ''],
    ['--json=1', '--json takes no value', ''], ['check --watch', '--watch means nothing to check', 'steelyard help check'], ['start now', "'now' is one word too many", 'steelyard help start'],
    ['--workers 65', '--workers is 65, must be a whole number from 0 to 64, or auto for one per core', ''], ['--workers=-1', '--workers is -1, must be a whole number from 0 to 64, or auto for one per core', ''],
    ['--workers 1e1', '--workers is 1e1, must be a whole number from 0 to 64, or auto for one per core', ''], ['--workers', '--workers needs a value', ''], ['check --workers 2', '--workers means nothing to check', 'steelyard help check'],
    ['--log-level eror', '--log-level is eror, must be one of debug, info, warn, error, silent', 'did you mean error?'],
  ])('refuses "%s"', (line, message, hint) => {
    expect(() => parseArguments(line.split(' '))).toThrow(expect.objectContaining({ code: 'ERR_USAGE', message, hint }));
  });

  it('has a page of help for each command', () => {
    for (const command of COMMANDS) expect(helpFor(command)).toContain('steelyard');
  });
});
