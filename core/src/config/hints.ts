/** What was probably meant by a value that does not fit: the last part of a report's sentence. */
import { isUse } from '@steelyard/sdk';
import { showValue } from './faults.ts';
import { nearest } from './nearest.ts';
import type { Shape } from './shape.ts';

/** '' = nothing comes to mind. `key`: under which the value stands; names of times end with their unit. */
export function hintFor(given: unknown, schema: Shape, key: string): string {
  if (schema.strategyKinds !== undefined && isUse(given)) return KINDS_IN_WORDS;
  if (typeof given === 'number') return hintForNumber(given, schema, key);
  if (typeof given !== 'string') return '';
  const valueHint = ownHint(given, schema) ?? ownHint(given.split(/[:=]/)[0]!, schema);
  if (valueHint !== undefined) return valueHint;
  if (schema.isA === 'strategy') return `a plugin by its name is { use: ${showValue(given)} }`;
  const meant = nearest(given, (schema.enum ?? []).filter((value) => typeof value === 'string'));
  if (meant !== undefined) return `did you mean ${JSON.stringify(meant)}?`;
  return isNumeric(schema) ? hintForQuantity(given, schema, key) : '';
}

const KINDS_IN_WORDS = 'load goes by load or weight, hash by a key, order by the order of the config';

function ownHint(given: string, { valueHints = {} }: Shape): string | undefined {
  return Object.hasOwn(valueHints, given) ? valueHints[given] : undefined;
}

function isNumeric({ type }: Shape): boolean {
  return (Array.isArray(type) ? (type as readonly string[]) : [type]).some((each) => each === 'integer' || each === 'number');
}

function hintForNumber(given: number, schema: Shape, key: string): string {
  if (schema.maximum === 1 && given > 1 && given <= 100) return `${given} % is ${given / 100}`;
  const { minimum = 0, maximum = Infinity } = schema;
  const asMs = given * 1_000;
  return key.endsWith('Ms') && given > 0 && given < minimum && asMs >= minimum && asMs <= maximum ? `in milliseconds: ${given} s are ${asMs}` : '';
}

const MS_PER: Readonly<Record<string, number>> = { ms: 1, s: 1_000, sec: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** A number as text, with or without its unit. */
function hintForQuantity(given: string, { maximum }: Shape, key: string): string {
  const [, digits, unit = ''] = /^(-?\d+(?:\.\d+)?)\s*([a-z]*|%)$/.exec(given) ?? [];
  if (digits === undefined) return '';
  if (unit === '') return 'without the quotes';
  if (unit === '%') return maximum === 1 ? `${digits} % is ${Number(digits) / 100}` : `a number: ${digits}`;
  const msPerUnit = Object.hasOwn(MS_PER, unit) ? MS_PER[unit]! : undefined;
  return key.endsWith('Ms') && msPerUnit !== undefined ? `in milliseconds: ${Number(digits) * msPerUnit}` : '';
}
