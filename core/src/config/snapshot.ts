/** A copy of the plain part of a config: nobody's getters run twice, nobody's objects are frozen or changed by us. */
import { types } from 'node:util';
import { describeError, isUse } from '@steelyard/sdk';
import { joinPath, showValue, type Faults } from './faults.ts';

/** Deeper than any config means it: a generated or endless structure. */
const MAX_DEPTH = 32;

/**
 * Copies objects and lists; keeps functions, RegExps and uses of plugins as they are. Keys with the value `undefined` are left out,
 * so that `{ ...defaults, ...given }` is right. What is neither plain nor one of those (a Map, a class) is a fault.
 */
export function snapshot(value: unknown, path: string, faults: Faults, ancestors: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    if (types.isRegExp(value) || isUse(value)) return value;
    if (ancestors.includes(value)) return refuse(path, 'refers to an object that it is a part of', faults);
    if (ancestors.length > MAX_DEPTH) return refuse(path, `is nested more than ${MAX_DEPTH} levels deep`, faults);
    const inner = [...ancestors, value];
    if (Array.isArray(value)) return Array.from(value as unknown[], (item, index) => snapshot(item, joinPath(path, index), faults, inner));
    if (!isPlain(value)) return refuse(path, `is ${describeInstance(value)}: a config is made of plain objects, lists and plugins`, faults);
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const item: unknown = (value as Record<string, unknown>)[key];
      if (item === undefined) continue;
      // Defined, not assigned: `__proto__` from a JSON file must stay a key.
      const plain = snapshot(item, joinPath(path, key), faults, inner);
      Object.defineProperty(copy, key, { value: plain, enumerable: true, configurable: true, writable: true });
    }
    return copy;
  } catch (thrown) {
    return refuse(path, `cannot be read: ${describeError(thrown)}`, faults);
  }
}

function refuse(path: string, problem: string, faults: Faults): undefined {
  faults.add(path, problem);
  return undefined;
}

/** An object literal of this realm or another, or a module namespace. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function describeInstance(value: object): string {
  if (types.isPromise(value)) return 'a promise (write `await` before it)';
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? `a ${name}` : showValue(value);
}

/** Freezes what `snapshot` copied: lists and plain objects, not functions, RegExps or class instances. Uses are frozen by their factory. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && !isPlain(value)) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}
