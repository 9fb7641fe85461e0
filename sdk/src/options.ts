/**
 * Option schemas: the interface comes first, the schema is held against it by the compiler.
 * The schema is JSON Schema (ajv checks it), plus the kinds `function` and `strategy`.
 */
import type { AnyStrategyUse, StrategyKind, StrategyUse } from './define.ts';

interface Described {
  /** For `steelyard plugins` and error reports; the interface's doc comment says more. */
  description?: string;
  /**
   * The value, with all inside it, is shown by no error report, no `steelyard check` and no log of the core; of an object the keys still are.
   * For keys, passwords and what else signs or lets in. Default false. What the plugin itself logs or throws is its own care.
   */
  secret?: boolean;
}
interface NumberRange {
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

/** Takes the union apart only where a schema needs it: `boolean` and unions of literals stay whole. */
type KindOf<T> = [T] extends [(...args: never[]) => unknown]
  ? { type: 'function' }
  : [T] extends [AnyStrategyUse]
    ? { type: 'strategy' } & StrategyKinds<T>
    : [T] extends [boolean]
      ? { type: 'boolean' }
      : [T] extends [number]
        ? ({ type: 'integer' | 'number'; enum?: readonly T[] } & NumberRange)
        : [T] extends [string]
          ? { type: 'string'; enum?: readonly T[]; minLength?: number; maxLength?: number; pattern?: string }
          : [T] extends [readonly (infer I)[]]
            ? { type: 'array'; items: OptionSchema<I>; minItems?: number; maxItems?: number }
            : [T] extends [object]
              ? string extends keyof T
                ? { type: 'object'; values: OptionSchema<T[keyof T]> }
                : { type: 'object'; properties: OptionsSchema<T> }
              : never;

/** Where not every kind of strategy is allowed, the schema says which. */
type StrategyKinds<T> = T extends StrategyUse<infer _P, infer K> ? ([StrategyKind] extends [K] ? { kinds?: never } : { kinds: readonly K[] }) : never;

/** A union of several kinds, such as `string | string[]`. */
type AnyOf = { anyOf: readonly AnyOptionSchema[]; isKey?: boolean };

/** The schema of one option. `null` in the type is "off" and needs `nullable: true`. */
export type OptionSchema<T> = Described &
  (null extends T ? { nullable: true } : { nullable?: false }) &
  (KindOf<Exclude<T, null>> | AnyOf);

/** One entry per option. What is optional in the interface has a default here: whoever reads the options finds them all. */
export type OptionsSchema<O> = {
  [K in keyof O]-?: OptionSchema<Exclude<O[K], undefined>> &
    (undefined extends O[K] ? { default: Exclude<O[K], undefined> } : { default?: never });
};

/** Options after defaults: what `create` and its like receive. */
export type Resolved<O> = { readonly [K in keyof O]-?: Exclude<O[K], undefined> };

/** A schema with its type forgotten: what the config loader walks over. */
export interface AnyOptionSchema extends Described, NumberRange {
  type?: 'function' | 'strategy' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';
  nullable?: boolean;
  default?: unknown;
  enum?: readonly unknown[];
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  items?: AnyOptionSchema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, AnyOptionSchema>;
  values?: AnyOptionSchema;
  /** Of a strategy: which are allowed. Default all. */
  kinds?: readonly StrategyKind[];
  anyOf?: readonly AnyOptionSchema[];
  /** It is a `HashKeys` (spread `HASH_KEY`): with a part of requests in it the strategy reads requests. Default false. */
  isKey?: boolean;
}
export type AnyOptionsSchema = Record<string, AnyOptionSchema>;

/** Options with the defaults of their schema where nothing was given, nested objects too, in lists and maps as well. Does not validate. */
export function withDefaults(schema: AnyOptionsSchema, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const resolved: Record<string, unknown> = { ...given };
  for (const [name, option] of Object.entries(schema)) {
    const value = resolved[name] === undefined ? option.default : resolved[name];
    if (value !== undefined) resolved[name] = completed(option, value);
  }
  return resolved;
}

function completed({ properties, items, values }: AnyOptionSchema, value: unknown): unknown {
  if (items && Array.isArray(value)) return value.map((item) => completed(items, item));
  if (!isRecord(value)) return value;
  if (properties) return withDefaults(properties, value);
  return values ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, completed(values, item)])) : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
