import { defineHealthCheck, defineStrategy, type AnyStrategyUse, type AnyUse } from '@steelyard/sdk';
import { describe, expect, it } from 'vitest';
import httpCheck from '@steelyard/plugins/http-check';
import roundRobin from '@steelyard/plugins/round-robin';
import sticky from '@steelyard/plugins/sticky';
import { outline, toJson } from '../../core/src/cli/outline.ts';
import { resolveBackends } from '../../core/src/config/backends.ts';
import { Faults } from '../../core/src/config/faults.ts';
import { checkOptions } from '../../core/src/config/options.ts';
import { reportFaults } from '../../core/src/config/report.ts';

/** Short enough for `minLength`, and close to a word that a hint could name. */
const KEY = 'hunter2';

interface Keys {
  key?: string | null;
  pin?: number | null;
  keys?: readonly string[];
  login?: { user?: string; password?: string };
  byName?: Readonly<Record<string, string>>;
  either?: string | readonly string[] | null;
  vault?: { open?: string; deep?: { number?: number } } | null;
}
const check = defineHealthCheck<Keys>({
  name: 'with-keys',
  options: {
    key: { type: 'string', enum: ['hunter3', 'other'], nullable: true, default: null, secret: true },
    pin: { type: 'integer', maximum: 9, nullable: true, default: null, secret: true },
    keys: { type: 'array', items: { type: 'string', minLength: 16, secret: true }, default: [] },
    login: { type: 'object', properties: { user: { type: 'string', default: '' }, password: { type: 'string', minLength: 16, default: 'x'.repeat(16), secret: true } }, default: {} },
    byName: { type: 'object', values: { type: 'string', minLength: 16, secret: true }, default: {} },
    either: { anyOf: [{ type: 'string', minLength: 16, secret: true }, { type: 'array', items: { type: 'string', minLength: 16 } }], nullable: true, default: null },
    vault: { type: 'object', properties: { open: { type: 'string', minLength: 16, default: 'y'.repeat(16) }, deep: { type: 'object', properties: { number: { type: 'integer', default: 0 } }, default: {} } }, nullable: true, default: null, secret: true },
  },
  create: () => ({ probe: async () => {} }),
});

function reportOn(use: AnyUse): string {
  const faults = new Faults();
  checkOptions(use, 'health', faults);
  expect(faults.list).not.toEqual([]);
  return reportFaults(faults.list);
}
function shownOf(use: AnyUse): string {
  const faults = new Faults();
  const checked = checkOptions(use, 'health', faults);
  expect(faults.list).toEqual([]);
  const text = `${outline({ health: [checked], one: checked }).join('\n')}\n${JSON.stringify(toJson({ health: [checked] }))}`;
  expect(text).toContain('[secret]');
  return text;
}

describe('a report on options', () => {
  it.each<[string, object]>([
    ['a string, not even by a hint', { key: KEY }],
    ['an entry of a list', { keys: [KEY] }],
    ['a string where a list of secrets belongs', { keys: KEY }],
    ['a property', { login: { password: KEY } }],
    ['an entry of a record', { byName: { token: KEY } }],
    ['either kind of a union that has a secret in it', { either: KEY }],
    ['a list in such a union', { either: [KEY] }],
    ['a number in such a union', { either: 4711_4711 }],
    ['what is inside a secret', { vault: { open: KEY } }],
    ['deeper inside a secret', { vault: { deep: { number: KEY } } }],
    ['what should have been an object', { vault: KEY }],
    ['a number', { pin: 4711_4711 }],
    ['a number within quotes', { pin: '47114711' }],
    ['an option that is not known', { kee: KEY }],
  ])('does not show a secret: %s', (_what, options) => {
    const report = reportOn(check(options));
    expect(report).not.toContain(KEY);
    expect(report).not.toContain('4711');
    expect(report).not.toContain('hint');
    expect(report).not.toContain('did you mean "');
  });

  it('says what kind of value it was, and what is allowed', () => {
    expect(reportOn(check({ byName: { token: KEY } }))).toContain('health.byName.token (with-keys) is a string (secret, not shown), must be a string of at least 16 characters');
  });

  it('shows what is no secret beside one', () => {
    expect(reportOn(check({ login: { user: 4711 as unknown as string, password: 'z'.repeat(16) } }))).toContain('health.login.user (with-keys) is 4711');
  });
});

describe('a report on backends', () => {
  it.each(['http://ann:hunter2@10.0.0.1:80', 'https://ann:hunter2@h', 'ann:hunter2@h:80', 'http://ann:hunter2@h:80/x', 'http://ann:hunt/hunter2@h:80', 'ftp://:hunter2@h'])('does not show the password of %s', (url) => {
    const { faults } = resolveBackends({ name: 'web', protocol: 'http' }, [url], 'pools.web.backends');
    expect(faults).toHaveLength(1);
    expect(reportFaults(faults)).not.toContain(KEY);
    expect(reportFaults(faults)).toContain('***@');
  });
});

describe('a config that is printed', () => {
  const LONG = 'correct horse battery';

  it('does not show a secret, wherever its schema has it, and shows that there is one', () => {
    const text = shownOf(check({ key: 'other', pin: 7, keys: [LONG], login: { user: 'ann', password: LONG }, byName: { token: LONG }, either: [LONG], vault: { open: LONG, deep: { number: 4711 } } }));
    expect(text).not.toContain(LONG);
    expect(text).not.toMatch(/4711|"other"|: 7/);
    expect(text).toContain('login: { user: "ann", password: [secret] }');
    expect(text).toContain('byName: { token: [secret] }');
  });

  it('shows that there is none', () => {
    expect(shownOf(check({ pin: 7 }))).toContain('pin: [secret], key: null, keys: [],');
  });

  it('hides the keys of sticky, at any depth, and the headers of http-check', () => {
    const inner = sticky({ secret: [LONG], over: roundRobin() });
    const over = defineStrategy<{ over: AnyStrategyUse }, 'http', 'inner'>({
      name: 'around', protocol: 'http', kind: 'inner', options: { over: { type: 'strategy' } }, create: () => ({ update: () => {}, select: () => undefined }),
    });
    for (const use of [inner, sticky({ secret: LONG, over: roundRobin() }), over({ over: inner }), httpCheck({ headers: { authorization: LONG } })]) {
      expect(shownOf(use)).not.toContain(LONG);
    }
    expect(reportOn(sticky({ secret: KEY, over: roundRobin() }))).not.toContain(KEY);
    expect(reportOn(sticky({ secret: [KEY], over: roundRobin() }))).not.toContain(KEY);
  });
});
