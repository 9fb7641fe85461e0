/** Whether options fit their schema: what the core's loader finds with ajv, as far as an author's own defaults can go wrong. */
import type { AnyOptionSchema, AnyOptionsSchema } from '../../options.ts';

const TYPES = ['function', 'strategy', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

/** Faults of the schema itself, and of its defaults. */
export function faultsOfSchema(schema: AnyOptionsSchema, path = 'options'): string[] {
  return Object.entries(schema).flatMap(([name, option]) => {
    const at = `${path}.${name}`;
    const faults: string[] = [];
    if (!option.anyOf && !TYPES.includes(option.type ?? '')) faults.push(`${at}: type ${JSON.stringify(option.type)} is none of ${TYPES.join(', ')}`);
    if (option.type === 'array' && !option.items) faults.push(`${at}: an array needs \`items\``);
    if (option.type === 'object' && !option.properties && !option.values) faults.push(`${at}: an object needs \`properties\` or \`values\``);
    if (option.default !== undefined) faults.push(...faultsOfValue(option, option.default, `${at}: the default`));
    if (option.properties) faults.push(...faultsOfSchema(option.properties, at));
    return faults;
  });
}

/** Faults of given options: unknown ones, missing ones, and values that do not fit. */
export function faultsOfOptions(schema: AnyOptionsSchema, given: Readonly<Record<string, unknown>>, path = 'options'): string[] {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(schema, name)).map((name) => `${path}.${name} is not an option`);
  const faults = Object.entries(schema).flatMap(([name, option]) => {
    const value = given[name];
    if (value !== undefined) return faultsOfValue(option, value, `${path}.${name}`);
    return option.default === undefined ? [`${path}.${name} is required`] : [];
  });
  return [...unknown, ...faults];
}

function faultsOfValue(schema: AnyOptionSchema, value: unknown, what: string): string[] {
  if (value === null && schema.nullable) return [];
  if (schema.anyOf) {
    return schema.anyOf.some((each) => faultsOfValue(each, value, what).length === 0) ? [] : [`${what} ${show(value)} fits none of \`anyOf\``];
  }
  if (!isOfType(schema.type, value)) return [`${what} ${show(value)} is no ${schema.type}`];
  if (schema.enum && !schema.enum.includes(value)) return [`${what} ${show(value)} is none of ${schema.enum.map(show).join(', ')}`];
  if (typeof value === 'number') return outOfRange(schema, value) ? [`${what} ${value} is out of range`] : [];
  if (typeof value === 'string') return misfits(schema, value) ? [`${what} ${show(value)} does not fit its length or pattern`] : [];
  if (Array.isArray(value)) {
    const isLengthWrong = value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity);
    const items = schema.items ? value.flatMap((item, index) => faultsOfValue(schema.items!, item, `${what}[${index}]`)) : [];
    return isLengthWrong ? [`${what} has ${value.length} items`, ...items] : items;
  }
  if (schema.type !== 'object') return [];
  const record = value as Record<string, unknown>;
  if (schema.properties) return faultsOfOptions(schema.properties, record, what);
  return Object.entries(record).flatMap(([key, each]) => faultsOfValue(schema.values ?? {}, each, `${what}.${key}`));
}

function isOfType(type: AnyOptionSchema['type'], value: unknown): boolean {
  switch (type) {
    case 'integer': return Number.isInteger(value);
    case 'array': return Array.isArray(value);
    case 'strategy': return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'strategy';
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value);
    default: return typeof value === type;
  }
}

function outOfRange({ minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity }: AnyOptionSchema, value: number): boolean {
  return !(value >= minimum && value <= maximum && (exclusiveMinimum === -Infinity || value > exclusiveMinimum));
}
function misfits({ minLength = 0, maxLength = Infinity, pattern }: AnyOptionSchema, value: string): boolean {
  return value.length < minLength || value.length > maxLength || (pattern !== undefined && !new RegExp(pattern, 'u').test(value));
}
function show(value: unknown): string {
  return JSON.stringify(value) ?? typeof value;
}
