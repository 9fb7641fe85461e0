/** Options at the ends of what their schema admits: they work, or `create` refuses them. */
import { describeError, isSteelyardError } from '../../errors.ts';
import type { StrategyUse } from '../../define.ts';
import type { AnyOptionSchema, AnyOptionsSchema } from '../../options.ts';
import { strategyUnderTest } from '../strategy.ts';
import type { StrategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { Break } from './rule.ts';
import type { Rule, Subject } from './rule.ts';
import { faultsOfOptions } from './schema.ts';

export const extremes: Rule = {
  id: 'options', says: 'every value that the schema of its options admits works, or create refuses it with ERR_PLUGIN_OPTIONS',
  check: ({ use, seed }) => {
    // What is wrong with the options as they were given is not for the value of one: other rules name it.
    if (!works({ use, seed })) return;
    for (const { at, value, options } of variants(use.definition.options, use.options)) {
      const isAdmitted = faultsOfOptions(use.definition.options, options).length === 0;
      if (isAdmitted) checkVariant({ use: { ...use, options }, seed }, `${at} ${JSON.stringify(value)}`, typeof value === 'number');
    }
  },
};

/** Where a schema sets no limit. Not larger: who makes a table of it is told of it in time. */
const LARGE = 1_000_000;
const BACKENDS = 4;
const PICKS = 20;

function checkVariant({ use, seed }: Subject, what: string, isNumber: boolean): void {
  const w = world({ seed });
  let strategy: StrategyUnderTest;
  try {
    strategy = strategyUnderTest(use, w);
  } catch (thrown) {
    if (isSteelyardError(thrown) && thrown.code === 'ERR_PLUGIN_OPTIONS') return;
    throw new Break({ seen: `create threw ${describeError(thrown)}`, sample: what, probably: remedy(use) });
  }
  const backends = w.backends(BACKENDS);
  backends[0]!.health = 'down';
  try {
    strategy.update(backends);
    for (let pick = 0; pick < PICKS; pick++) {
      w.advance(10);
      const picked = strategy.pick(w.exchange({ clientAddress: `192.0.2.${pick}` }));
      // Of a number nobody means "none"; of a choice between words he may.
      if (!picked && isNumber) throw new Error('select returned undefined, though three of four are available');
      picked?.end();
    }
  } catch (thrown) {
    throw new Break({ seen: describeError(thrown), sample: what, probably: remedy(use) });
  }
}

function works(subject: Subject): boolean {
  try {
    checkVariant(subject, 'the options as given', false);
    return true;
  } catch {
    return false;
  }
}

function remedy(use: StrategyUse): string {
  return `the schema is too wide: give it \`minimum\`, \`maximum\` or \`enum\`; or throw a SteelyardError with ERR_PLUGIN_OPTIONS in the create of ${use.name}`;
}

interface Variant {
  readonly at: string;
  readonly value: unknown;
  readonly options: Record<string, unknown>;
}

/** The options as given but for one, which is at an end of its range. */
function variants(schema: AnyOptionsSchema, given: Readonly<Record<string, unknown>>, path = 'options'): Variant[] {
  return Object.entries(schema).flatMap(([name, option]) => {
    const at = `${path}.${name}`;
    const ends = endsOf(option).map((value): Variant => ({ at, value, options: { ...given, [name]: value } }));
    if (option.type !== 'object' || !option.properties || given[name] === null) return ends;
    const inside = variants(option.properties, (given[name] ?? option.default ?? {}) as Record<string, unknown>, at);
    return [...ends, ...inside.map((variant): Variant => ({ ...variant, options: { ...given, [name]: variant.options } }))];
  });
}

function endsOf(option: AnyOptionSchema): unknown[] {
  const none = option.nullable ? [null] : [];
  if (option.enum) return [...none, ...option.enum];
  switch (option.type) {
    case 'boolean': return [...none, false, true];
    case 'integer': return [...none, option.minimum ?? (option.exclusiveMinimum === undefined ? -1 : Math.floor(option.exclusiveMinimum) + 1), 0, 1, option.maximum ?? LARGE];
    case 'number': return [...none, option.minimum ?? (option.exclusiveMinimum ?? -1) + 1e-6, 0, 0.5, option.maximum ?? LARGE];
    case 'string': return option.pattern === undefined ? [...none, 'a'.repeat(option.minLength ?? 0)] : none;
    case 'array': return [...none, []];
    // What is in them is the author's alone.
    case 'object': case 'function': case 'strategy': case undefined: return none;
    default: return option.type satisfies never;
  }
}
