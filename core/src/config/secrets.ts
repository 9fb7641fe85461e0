/** Options that their schema calls secret, kept out of what people read. */
import type { AnyOptionSchema, AnyUse } from '@steelyard/sdk';

/** Stands for a value that is not shown. */
export const SECRET = Symbol('secret');

/** The options of a use as they may be shown: `SECRET` where a value is none of the reader's business. Strategies inside have schemas of their own. */
export function shownOptions({ options, definition }: AnyUse): Record<string, unknown> {
  return shownRecord(options, definition.options);
}

/**
 * Whether the value of this option itself is a secret: said of it, or of what it may be. Where one branch of a union is a secret, a value that fits none
 * of them may have been meant as that one; and of a list that was given as one string, the string was meant as an entry.
 */
export function holdsSecret(option: AnyOptionSchema): boolean {
  return option.secret === true || option.anyOf?.some(holdsSecret) === true || (option.items !== undefined && holdsSecret(option.items));
}

function shown(value: unknown, option: AnyOptionSchema): unknown {
  const { items, properties, values, anyOf } = option;
  // `null` and what is empty say that there is no secret.
  if (holdsSecret(option)) return isEmpty(value) ? value : SECRET;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = items ?? branchOf(anyOf, 'array')?.items;
    return list === undefined ? value : value.map((item) => shown(item, list));
  }
  const whole = branchOf(anyOf, 'object');
  const known = properties ?? whole?.properties;
  if (known !== undefined) return shownRecord(value, known);
  const each = values ?? whole?.values;
  return each === undefined ? value : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item, each)]));
}

function shownRecord(record: object, schema: Readonly<Record<string, AnyOptionSchema>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, Object.hasOwn(schema, name) ? shown(value, schema[name]!) : value]));
}

function branchOf(branches: readonly AnyOptionSchema[] | undefined, type: AnyOptionSchema['type']): AnyOptionSchema | undefined {
  return branches?.find((branch) => branch.type === type);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}
