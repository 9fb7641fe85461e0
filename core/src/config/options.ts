/** The options of a plugin against the schema that it was defined with. */
import type { ValidateFunction } from 'ajv';
import { describeError, isUse, withDefaults, withOptions, type AnyOptionSchema, type AnyOptionsSchema, type AnyUse } from '@steelyard/sdk';
import { Faults, joinPath, listWords, showValue } from './faults.ts';
import { nearest } from './nearest.ts';
import { holdsSecret } from './secrets.ts';
import { addShapeFaults, ajv, choice, describeShape, type Shape } from './shape.ts';
import { deepFreeze, snapshot } from './snapshot.ts';

/**
 * The same use with its options checked, copied, completed with the defaults, and frozen; nested strategies too.
 * `path` is where the options stand. Faults of the options are reported there, faults of the schema as the plugin's.
 */
export function checkOptions<U extends AnyUse>(use: U, path: string, faults: Faults): U {
  const problems = definitionFaults(use);
  if (problems.length > 0) {
    faults.add(path, `is the plugin ${showValue(use.name)}, which is defined wrongly: ${problems.join('; ')}`, 'a fault of the plugin, not of this config', 'ERR_PLUGIN_DEFINITION');
    return use;
  }
  const before = faults.list.length;
  const given = snapshot(use.options, path, faults) as Record<string, unknown> | undefined;
  if (given === undefined) return use;
  const validate = compiled(use.definition.options);
  if (!validate(given)) {
    const found = new Faults();
    addShapeFaults(validate.errors ?? [], path, found, 'ERR_PLUGIN_OPTIONS');
    for (const fault of found.list) faults.add(fault.path, `(${use.name}) ${fault.problem}`, fault.hint, fault.code);
  }
  // Nested strategies are looked at even where the options around them are wrong: one report tells all.
  const checked = checkNested(given, path, faults) as Record<string, unknown>;
  if (faults.list.length > before) return use;
  const options = checkNested(withDefaults(use.definition.options, checked), path, faults) as Record<string, unknown>;
  return withOptions(use, deepFreeze(options));
}

/** Strategies among the options, wherever they stand. */
function checkNested(value: unknown, path: string, faults: Faults): unknown {
  if (isUse(value)) return checkOptions(value, path, faults);
  if (Array.isArray(value)) return value.map((item, index) => checkNested(item, joinPath(path, index), faults));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, checkNested(item, joinPath(path, key), faults)]));
}

/** The strategies that a use wraps, at any depth. */
export function nestedUses(use: AnyUse): AnyUse[] {
  const found: AnyUse[] = [];
  const walk = (value: unknown): void => {
    if (isUse(value)) found.push(value, ...nestedUses(value));
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
  };
  Object.values(use.options).forEach(walk);
  return found;
}

const ENTRY: Record<AnyUse['kind'], string> = { strategy: 'create', health: 'create', exporter: 'start', discovery: 'watch', plugin: 'setup' };
const checkedDefinitions = new WeakMap<object, string[]>();

/** What its author got wrong, as sentences; empty = nothing. */
function definitionFaults(use: AnyUse): string[] {
  const definition = use.definition as unknown as Record<string, unknown> | undefined;
  if (typeof definition !== 'object' || definition === null || !Object.hasOwn(ENTRY, use.kind)) return ['it was not made by a factory of @steelyard/sdk'];
  const known = checkedDefinitions.get(definition);
  if (known !== undefined) return known;
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(String(definition.name))) problems.push(`its name must be lower case with dashes, such as "least-connections", and is ${showValue(definition.name)}`);
  const entry = ENTRY[use.kind];
  if (typeof definition[entry] !== 'function') problems.push(`it has no function ${entry}`);
  if (typeof definition.options !== 'object' || definition.options === null) problems.push(`its options must be an object of schemas, {} when there are none, and are ${showValue(definition.options)}`);
  else problems.push(...optionsFaults(definition.options as AnyOptionsSchema));
  checkedDefinitions.set(definition, problems);
  return problems;
}

function optionsFaults(options: AnyOptionsSchema): string[] {
  try {
    const problems = Object.entries(options).flatMap(([name, option]) => schemaFaults(option, `option ${name}`));
    if (problems.length === 0) compiled(options);
    return problems;
  } catch (thrown) {
    // What only ajv sees: `maximum: Infinity`.
    return [describeError(thrown)];
  }
}

const COMMON = ['type', 'description', 'nullable', 'default', 'anyOf', 'secret', 'isKey'];
const WORDS: Record<NonNullable<AnyOptionSchema['type']>, readonly string[]> = {
  function: [], strategy: ['kinds'], boolean: [], integer: ['enum', 'minimum', 'maximum', 'exclusiveMinimum'], number: ['enum', 'minimum', 'maximum', 'exclusiveMinimum'],
  string: ['enum', 'minLength', 'maxLength', 'pattern'], array: ['items', 'minItems', 'maxItems'], object: ['properties', 'values'],
};

function schemaFaults(option: unknown, where: string): string[] {
  if (typeof option !== 'object' || option === null) return [`${where} must be a schema, such as { type: 'integer' }, and is ${showValue(option)}`];
  const schema = option as AnyOptionSchema;
  if (schema.type === undefined && schema.anyOf === undefined) return [`${where} has no type`];
  if (schema.type !== undefined && !Object.hasOwn(WORDS, schema.type)) {
    const meant = nearest(schema.type, Object.keys(WORDS));
    return [`${where} has the type ${showValue(schema.type)}, allowed are ${listWords(Object.keys(WORDS))}${meant === undefined ? '' : `, did you mean ${meant}?`}`];
  }
  const problems: string[] = [];
  const allowed = [...COMMON, ...(schema.type === undefined ? [] : WORDS[schema.type])];
  for (const word of Object.keys(schema)) {
    if (allowed.includes(word)) continue;
    const meant = nearest(word, allowed);
    problems.push(`${where} has the word ${word}, which its type does not know${meant === undefined ? '' : `, did you mean ${meant}?`}`);
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) problems.push(...schemaFaults(inner, `${where}.${name}`));
  for (const inner of [schema.items, schema.values, ...(schema.anyOf ?? [])]) if (inner !== undefined) problems.push(...schemaFaults(inner, `${where} within`));
  const noPattern = schema.pattern === undefined ? undefined : patternFault(schema.pattern);
  if (noPattern !== undefined) problems.push(`${where} has a pattern that is none: ${noPattern}`);
  if (problems.length === 0 && schema.default !== undefined) {
    const validate = compiled({ value: schema });
    if (!validate({ value: schema.default })) problems.push(`${where} has a default that its own schema refuses`);
  }
  return problems;
}

/** ajv compiles patterns with the flag `u`. */
function patternFault(pattern: string): string | undefined {
  try {
    return new RegExp(pattern, 'u').source === '' ? 'it is empty' : undefined;
  } catch (thrown) {
    return describeError(thrown);
  }
}

/** By the text of the schema: a reload defines every plugin anew, and ajv keeps all that it ever compiled, even what was removed from it. */
const validators = new Map<string, ValidateFunction>();
function compiled(options: AnyOptionsSchema): ValidateFunction {
  const schema = objectShape(options);
  const text = JSON.stringify(schema);
  let validate = validators.get(text);
  if (validate === undefined) {
    validate = ajv.compile(schema);
    validators.set(text, validate);
  }
  return validate;
}

function objectShape(options: AnyOptionsSchema, isSecret = false): Shape {
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(options).map(([name, option]) => [name, toShape(option, isSecret)])),
    required: Object.keys(options).filter((name) => options[name]!.default === undefined),
    additionalProperties: false,
  };
}

/**
 * JSON Schema for one option. A union becomes a choice by type, so that a fault inside one branch is told as such.
 * @param isWithinSecret what holds it is a secret: so is all that is inside
 */
export function toShape(option: AnyOptionSchema, isWithinSecret = false): Shape {
  const isSecret = isWithinSecret || holdsSecret(option);
  const shape = plainShape(option, isSecret);
  if (isSecret) shape.secret = true;
  if (option.nullable !== true) return shape;
  const says = `${describeShape(shape)}, or null`;
  return choice({ type: 'null' }, true, { ...shape, says }, says);
}

function plainShape(option: AnyOptionSchema, isSecret: boolean): Shape {
  const { type, anyOf, items, properties, values, kinds, nullable: _nullable, default: _default, description: _description, secret: _secret, ...limits } = option;
  if (anyOf !== undefined) return unionShape(anyOf.map((branch) => toShape(branch, isSecret)), isSecret);
  switch (type) {
    case 'function':
      return { isA: type };
    case 'strategy':
      return kinds === undefined ? { isA: type } : { says: `a strategy of kind ${listWords([...kinds], 'or')}`, allOf: [{ isA: type }, { strategyKinds: kinds }] };
    case 'array':
      return { ...limits, type, ...(items === undefined ? {} : { items: toShape(items, isSecret) }) };
    case 'object':
      if (properties !== undefined) return objectShape(properties, isSecret);
      return { type, additionalProperties: values === undefined ? true : toShape(values, isSecret) };
    case undefined:
      return {};
    default:
      return { ...limits, type };
  }
}

function unionShape(branches: readonly Shape[], isSecret: boolean): Shape {
  const conditions = branches.map((branch) => conditionOf(branch, branches));
  const valueHints = Object.fromEntries(branches.flatMap(({ required = [] }) => required.map((key) => [key, `write { ${key}: "..." }`])));
  const says = listWords([...new Set(branches.map(describeBranch))], 'or');
  if (conditions.includes(undefined)) return { anyOf: branches, says };
  return branches.reduceRight<Shape>(
    (otherwise, branch, index) => choice(conditions[index]!, branch.enum === undefined ? branch : { ...branch, valueHints }, otherwise, says),
    // Nothing of the kinds above: the sentence that lists them all.
    { enum: [NOTHING], says, secret: isSecret },
  );
}
/** What tells that this branch is meant: its type, and where several are objects, a key that each of the others lacks. */
function conditionOf(branch: Shape, branches: readonly Shape[]): Shape | undefined {
  const kind = kindOf(branch);
  if (kind === undefined) return undefined;
  const alike = branches.filter((other) => other !== branch && kindOf(other) === kind);
  if (alike.length === 0) return branch.isA === undefined ? { type: kind } : { isA: branch.isA };
  const own = branch.required?.find((key) => alike.every(({ properties }) => properties !== undefined && !Object.hasOwn(properties, key)));
  return own === undefined ? undefined : { type: 'object', required: [own] };
}
function kindOf({ isA, type }: Shape): Shape['type'] {
  return isA ?? (type === 'integer' ? 'number' : type);
}
/** Of several objects it matters which: `{ header }`. */
function describeBranch(branch: Shape): string {
  const names = Object.keys(branch.properties ?? {});
  return names.length === 0 ? describeShape(branch) : `{ ${names.join(', ')} }`;
}
/** A value that no config holds. */
const NOTHING = '\u0000nothing';
