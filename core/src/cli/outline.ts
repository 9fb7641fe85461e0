/** A resolved config for reading: plugins as calls or as named uses, functions by their names. */
import { types } from 'node:util';
import { isUse } from '@steelyard/sdk';
import { SECRET, shownOptions } from '../config/secrets.ts';

/** JSON of it: plugins as `{ use, options }`, no limit as null, the rest as it is. */
export function toJson(value: unknown): unknown {
  if (isUse(value)) return { use: value.name, kind: value.kind, options: toJson(shownOptions(value)) };
  if (typeof value === 'function') return functionName(value);
  if (value === SECRET) return NOT_SHOWN;
  if (types.isRegExp(value)) return String(value);
  if (value === Infinity) return null;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJson(item)]));
}

/** Lines of `key: value`, what is inside indented. Short lists and objects stay on their line. */
export function outline(value: unknown, indent = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => listItem(item, indent));
  return Object.entries(value as object).flatMap(([key, item]) => {
    const short = inline(item);
    return short === undefined ? [`${indent}${key}:`, ...outline(item, `${indent}  `)] : [`${indent}${key}: ${short}`];
  });
}

function listItem(item: unknown, indent: string): string[] {
  const short = inline(item);
  if (short !== undefined) return [`${indent}- ${short}`];
  const [first = '', ...rest] = outline(item, `${indent}  `);
  return [`${indent}- ${first.trimStart()}`, ...rest];
}

const MAX_LINE = 100;
const NOT_SHOWN = '[secret]';

/** On one line; `undefined` = too long for it. */
function inline(value: unknown): string | undefined {
  const text = show(value);
  const isStructure = typeof value === 'object' && value !== null && !isUse(value) && !types.isRegExp(value);
  return isStructure && (text.length > MAX_LINE || (Array.isArray(value) && value.some((item) => typeof item === 'object'))) ? undefined : text;
}

function show(value: unknown): string {
  if (isUse(value)) return `${value.name}(${Object.keys(value.options).length === 0 ? '' : show(shownOptions(value))})`;
  if (value === SECRET) return NOT_SHOWN;
  if (typeof value === 'function') return functionName(value);
  if (value === Infinity) return 'no limit';
  if (value === undefined) return 'none';
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value !== 'object' || value === null || types.isRegExp(value)) return `${value as string | number | boolean | null | RegExp}`;
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function functionName(fn: { name: string }): string {
  return `[function${fn.name === '' ? '' : ` ${fn.name}`}]`;
}
