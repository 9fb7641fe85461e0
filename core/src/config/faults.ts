/** What is wrong with a config, collected while it is read, so that one report tells all of it. */
import { types } from 'node:util';
import type { ErrorCode } from '@steelyard/sdk';

export interface ConfigFault {
  /** Where: `pools.api.backends[1].weight`; '' = the config itself. */
  readonly path: string;
  /** What was given and what is allowed, as the rest of a sentence that begins with the path: `is -3, must be a number from 0 to 65535`. */
  readonly problem: string;
  /** What was probably meant, or what to do; '' = nothing comes to mind. */
  readonly hint: string;
  /** `ERR_CONFIG`, or `ERR_PLUGIN_OPTIONS`, or `ERR_PLUGIN_DEFINITION` where the plugin is to blame. */
  readonly code: ErrorCode;
}

/** The first fault of a path stands: what follows from it would only repeat it in other words. */
export class Faults {
  readonly list: ConfigFault[] = [];
  readonly #paths = new Set<string>();

  add(path: string, problem: string, hint = '', code: ErrorCode = 'ERR_CONFIG'): void {
    if (this.#paths.has(path)) return;
    this.#paths.add(path);
    this.list.push({ path, problem, hint, code });
  }

  /** Takes over faults that were found elsewhere. */
  addAll(faults: readonly ConfigFault[]): void {
    for (const fault of faults) this.add(fault.path, fault.problem, fault.hint, fault.code);
  }
}

/** `pools` and `api` give `pools.api`; a number gives `[1]`; a key that is no identifier gives `["my pool"]`. */
export function joinPath(base: string, key: string | number): string {
  if (typeof key === 'number') return `${base}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${base}[${JSON.stringify(cut(key))}]`;
  return base === '' ? key : `${base}.${key}`;
}

/** A given value as a report shows it: short, and never by the value's own code (a `toString` may throw). */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(cut(value));
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${cut(String(value))}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      if (value === null) return 'null';
      if (types.isProxy(value)) return 'a proxy';
      if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
      if (types.isRegExp(value)) return 'a RegExp';
      if (types.isPromise(value)) return 'a promise';
      return 'an object';
    default:
      return 'something unknown';
  }
}

/** A given value that is a secret: what kind it is of. */
export function showKind(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
      return `a ${typeof value} (secret, not shown)`;
    default:
      return showValue(value);
  }
}

/** `"a", "b" and "c"`. */
export function listWords(words: readonly string[], and = 'and', most = 12): string {
  if (words.length > most) return `${words.slice(0, most).join(', ')} ${and} ${words.length - most} more`;
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} ${and} ${words.at(-1)}`;
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
