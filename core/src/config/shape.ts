/** ajv as the config and the options of plugins use it, and its errors in the words of the one who wrote the config. */
import { types } from 'node:util';
import { Ajv, type ErrorObject } from 'ajv';
import { isUse } from '@steelyard/sdk';
import { joinPath, listWords, showKind, showValue, type Faults } from './faults.ts';
import { hintFor } from './hints.ts';
import { nearest } from './nearest.ts';

/** JSON Schema as far as it is used here, with words of our own. */
export interface Shape {
  type?: string | readonly string[];
  properties?: Readonly<Record<string, Shape>>;
  required?: readonly string[];
  additionalProperties?: boolean | Shape;
  propertyNames?: Shape;
  items?: Shape;
  minItems?: number;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  enum?: readonly unknown[];
  anyOf?: readonly Shape[];
  allOf?: readonly Shape[];
  if?: Shape;
  then?: Shape | boolean;
  else?: Shape | boolean;
  /** A value that JSON does not have. */
  isA?: 'function' | 'strategy' | 'RegExp';
  /** What is a strategy is of one of these kinds. */
  strategyKinds?: readonly string[];
  /** A fault does not tell the value. */
  secret?: boolean;
  /** What is allowed, in words; without it they are made from the schema. */
  says?: string;
  /** What to do about keys that are often meant: `tls` in a listener. */
  keyHints?: Readonly<Record<string, string>>;
  /** The same for values of an enum. */
  valueHints?: Readonly<Record<string, string>>;
}

/** What holds where the value is of a kind, and what holds else; a fault is told of the branch that was taken. */
export function choice(condition: Shape, whenTrue: Shape | boolean, otherwise: Shape, says?: string): Shape {
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema; nobody awaits a schema
  return { if: condition, then: whenTrue, else: otherwise, ...(says === undefined ? {} : { says }) };
}

export const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true, messages: false, logger: false });
ajv.addKeyword({ keyword: 'says', schemaType: 'string' });
ajv.addKeyword({ keyword: 'secret', schemaType: 'boolean' });
ajv.addKeyword({ keyword: 'keyHints', schemaType: 'object' });
ajv.addKeyword({ keyword: 'valueHints', schemaType: 'object' });
ajv.addKeyword({
  keyword: 'isA',
  schemaType: 'string',
  validate: (kind: Shape['isA'], value: unknown): boolean => {
    switch (kind) {
      case 'function':
        return typeof value === 'function';
      case 'RegExp':
        return types.isRegExp(value);
      case 'strategy':
        return isUse(value) && value.kind === 'strategy';
      default:
        return false;
    }
  },
});
ajv.addKeyword({
  keyword: 'strategyKinds',
  schemaType: 'array',
  // Whether it is a strategy at all is told by `isA`.
  validate: (kinds: readonly string[], value: unknown): boolean => !isUse(value) || value.kind !== 'strategy' || kinds.includes(value.strategyKind),
});

/** Adds what ajv found as faults below `base`. */
export function addShapeFaults(errors: readonly ErrorObject[], base: string, faults: Faults, code: 'ERR_CONFIG' | 'ERR_PLUGIN_OPTIONS' = 'ERR_CONFIG'): void {
  for (const error of errors) {
    // Branches say what is wrong themselves; these only say that some branch did.
    if (error.keyword === 'if' || error.schemaPath.includes('/anyOf/')) continue;
    const schema = error.parentSchema as Shape;
    const path = pathOf(base, keysOf(error));
    switch (error.keyword) {
      case 'additionalProperties':
        faults.add(path, ...unknownKey(String(error.params.additionalProperty), schema), code);
        break;
      case 'required': {
        const key = String(error.params.missingProperty);
        faults.add(joinPath(path, key), `is missing, must be ${describeShape(schema.properties?.[key] ?? {})}`, '', code);
        break;
      }
      case 'propertyNames':
        break;
      default:
        if (error.propertyName !== undefined) faults.add(joinPath(path, error.propertyName), `is no name: it must be ${describeShape(schema)}`, '', code);
        else faults.add(path, ...wrongValue(error.data, schema, keysOf(error).at(-1) ?? ''), code);
    }
  }
}

/** The keys that lead to what is wrong: for an unknown key, that key. */
export function keysOf(error: ErrorObject): string[] {
  const keys = error.instancePath.split('/').slice(1).map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'additionalProperties') keys.push(String(error.params.additionalProperty));
  return keys;
}

function pathOf(base: string, keys: readonly string[]): string {
  return keys.reduce((path, key) => joinPath(path, /^\d+$/.test(key) ? Number(key) : key), base);
}

function unknownKey(key: string, schema: Shape): [problem: string, hint: string] {
  const known = Object.keys(schema.properties ?? {});
  const meant = nearest(key, known);
  const hint = (Object.hasOwn(schema.keyHints ?? {}, key) ? schema.keyHints?.[key] : undefined) ?? (meant === undefined ? '' : `did you mean ${meant}?`);
  if (known.length === 0) return ['is not known here: there are no options', hint];
  return [`is not known here, allowed ${known.length === 1 ? 'is' : 'are'} ${listWords(known, 'and', 30)}`, hint];
}

function wrongValue(given: unknown, schema: Shape, key: string): [problem: string, hint: string] {
  // Neither its text nor a hint that was found by looking at it.
  if (schema.secret === true) return [`is ${showKind(given)}, must be ${describeShape(schema)}`, ''];
  const hint = hintFor(given, schema, key);
  if (schema.strategyKinds !== undefined && isUse(given) && given.kind === 'strategy') {
    const origin = given.definition.kind === 'inner' ? ' by what is inside it' : '';
    return [`is ${given.name}, a strategy of kind ${given.strategyKind}${origin}, must be one of kind ${listWords([...schema.strategyKinds], 'or')}`, hint];
  }
  return [`is ${describeGiven(given, schema)}, must be ${describeShape(schema)}`, hint];
}

const USES = { strategy: 'strategy', health: 'health check', discovery: 'discovery', exporter: 'exporter', plugin: 'plugin' } as const;

function describeGiven(given: unknown, { type }: Shape): string {
  if (isUse(given) && Object.hasOwn(USES, given.kind)) return `the ${USES[given.kind]} ${given.name}`;
  // Its length is what is wrong.
  return type === 'array' && Array.isArray(given) && given.length > 0 ? `a list of ${given.length}` : showValue(given);
}

/** `a whole number from 0 to 65535`. */
export function describeShape(schema: Shape): string {
  if (schema.says !== undefined) return schema.says;
  if (schema.enum !== undefined) return listWords(schema.enum.map((value) => showValue(value)), 'or', 30);
  if (schema.isA !== undefined) return { function: 'a function', strategy: 'a strategy, such as one that a plugin gives', RegExp: 'a RegExp' }[schema.isA];
  if (schema.anyOf !== undefined) return listWords([...new Set(schema.anyOf.map(describeShape))], 'or');
  if (Array.isArray(schema.type)) return listWords(schema.type.map((type: string) => describeShape({ ...schema, type })), 'or');
  switch (schema.type) {
    case 'integer':
      return `a whole number${describeRange(schema)}`;
    case 'number':
      return `a number${describeRange(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'null':
      return 'null';
    case 'string':
      return `a string${describeLength(schema.minLength, schema.maxLength, 'characters')}${schema.pattern === undefined ? '' : ` that fits /${schema.pattern}/`}`;
    case 'array':
      return `a list${describeLength(schema.minItems, schema.maxItems, 'entries')}${schema.items === undefined ? '' : `, each ${describeShape(schema.items)}`}`;
    case 'object':
      return 'an object';
    default:
      return 'something else';
  }
}

function describeRange({ minimum, maximum, exclusiveMinimum }: Shape): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`;
  const low = exclusiveMinimum === undefined ? (minimum === undefined ? '' : ` of at least ${minimum}`) : ` over ${exclusiveMinimum}`;
  const high = maximum === undefined ? '' : `${low === '' ? '' : ' and'} of at most ${maximum}`;
  return low + high;
}

function describeLength(least: number | undefined, most: number | undefined, unit: string): string {
  if (least !== undefined && most !== undefined) return ` of ${least} to ${most} ${unit}`;
  if (least === 1) return unit === 'characters' ? ' that is not empty' : ' with at least one entry';
  if (least !== undefined) return ` of at least ${least} ${unit}`;
  return most === undefined ? '' : ` of at most ${most} ${unit}`;
}
