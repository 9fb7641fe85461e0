import { describe, expect, it } from 'vitest';
import { PEER_NAMES } from './contenders.ts';
import { DEFAULT_ROUNDS, HELP, parseOptions } from './options.ts';
import { SCENARIOS } from './scenarios.ts';

describe('the bench’s options', () => {
  it('are the whole bench by default, and that is kept', () => {
    expect(parseOptions([])).toEqual({
      rounds: DEFAULT_ROUNDS, seconds: undefined, scenarios: SCENARIOS.map(({ name }) => name), peers: [...PEER_NAMES], save: true, out: undefined, help: false,
    });
  });

  it('do not let less than the whole bench replace the kept result, unless asked to', () => {
    expect(parseOptions(['--peers', 'nginx']).save).toBe(false);
    expect(parseOptions(['--rounds', '3']).save).toBe(false);
    expect(parseOptions(['--seconds', '1']).save).toBe(false);
    expect(parseOptions(['--scenario', 'small-get']).save).toBe(false);
    expect(parseOptions(['--rounds', '3', '--save']).save).toBe(true);
    expect(parseOptions(['--rounds', '40', '--seconds', '3']).save).toBe(true);
  });

  it('take several names', () => {
    expect(parseOptions(['--peers', 'nginx, haproxy,nginx']).peers).toEqual(['nginx', 'haproxy']);
    expect(parseOptions(['--scenario', 'small-get,tcp-bulk']).scenarios).toEqual(['small-get', 'tcp-bulk']);
  });

  it.each([
    [['--rounds', '0'], '--rounds is a whole number from 1 to 1000, given: 0'],
    [['--seconds', '1.5'], '--seconds is a whole number from 1 to 600, given: 1.5'],
    [['--peers', 'ngnix'], '--peers knows nginx, haproxy, caddy, http-proxy-3, fast-proxy, given: ngnix'],
    [['--scenario', 'small-get,big'], 'given: big'],
    [['--round', '3'], 'Unknown option \'--round\''],
    [['nginx'], 'Unexpected argument \'nginx\''],
  ])('refuse %j and say what is allowed', (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(sentence);
  });

  it('are all in the help, with every scenario and peer', () => {
    for (const option of ['rounds', 'seconds', 'scenario', 'peers', 'out', 'save', 'help']) expect(HELP).toContain(`--${option}`);
    for (const name of [...PEER_NAMES, ...SCENARIOS.map((scenario) => scenario.name)]) expect(HELP).toContain(name);
  });
});
