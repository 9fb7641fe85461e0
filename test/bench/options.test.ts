import { describe, expect, it } from 'vitest';
import { DEFAULT_ROUNDS, HELP, parseOptions } from './options.ts';

describe('the bench’s options', () => {
  it('are the whole bench by default, and that is kept', () => {
    expect(parseOptions([])).toEqual({ rounds: DEFAULT_ROUNDS, seconds: 2, scenarios: ['small-get'], peers: ['nginx', 'haproxy', 'http-proxy-3'], save: true, help: false });
  });

  it('do not let less than the whole bench replace the kept result, unless asked to', () => {
    expect(parseOptions(['--only', 'nginx']).save).toBe(false);
    expect(parseOptions(['--rounds', '3']).save).toBe(false);
    expect(parseOptions(['--scenario', 'small-get']).save).toBe(false);
    expect(parseOptions(['--rounds', '3', '--save']).save).toBe(true);
    expect(parseOptions(['--rounds', '40', '--seconds', '3']).save).toBe(true);
  });

  it('take several names', () => {
    expect(parseOptions(['--only', 'nginx, haproxy,nginx']).peers).toEqual(['nginx', 'haproxy']);
  });

  it.each([
    [['--rounds', '0'], '--rounds is a whole number from 1 to 1000, given: 0'],
    [['--seconds', '1.5'], '--seconds is a whole number from 1 to 600, given: 1.5'],
    [['--only', 'ngnix'], '--only knows nginx, haproxy, http-proxy-3, given: ngnix'],
    [['--scenario', 'big'], '--scenario knows small-get, given: big'],
    [['--round', '3'], 'Unknown option \'--round\''],
    [['nginx'], 'Unexpected argument \'nginx\''],
  ])('refuse %j and say what is allowed', (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(sentence);
  });

  it('are all in the help', () => {
    for (const option of ['rounds', 'seconds', 'scenario', 'only', 'save', 'help']) expect(HELP).toContain(`--${option}`);
  });
});
