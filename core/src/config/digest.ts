/**
 * A resolved config as one text, to be compared across threads: each loads the config file for itself, and all must have come to the same.
 * Functions cannot be compared across threads, so a function is told by its name and its place. The text is JSON, so that a difference has a path.
 */
import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { isUse, type AnyUse } from '@steelyard/sdk';
import { joinPath } from './faults.ts';
import type { ResolvedBackend, ResolvedConfig, ResolvedPool, ResolvedRoute } from './resolved.ts';
import { isPlain } from './snapshot.ts';

/** Before what stands for a value that JSON does not have. A string of the config that begins with it is given another one. */
const MARK = '\0';

/** The same text for the same config, whatever the order of keys. */
export function configText(resolved: ResolvedConfig): string {
  const { pools, routes, ...rest } = resolved;
  return textOf({ ...rest, pools: Object.fromEntries(pools.map((pool) => [pool.name, poolAsWritten(pool)])), routes: routes.map(routeAsWritten) });
}

/** Short, and the same for the same text alone (SHA-256). */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/**
 * Where two texts of `configText` differ first, as a report on the config would name the place: `pools.web.backends[2].url`.
 * A list is told with its first entry that the other one has not. `undefined` = they are the same; '' = the config as a whole.
 */
export function firstDifference(ours: string, theirs: string): string | undefined {
  return ours === theirs ? undefined : differenceOf(JSON.parse(ours), JSON.parse(theirs), '');
}

/** A pool as a config has it: without the name, which is its key, and one check is not a list. */
function poolAsWritten({ name, backends, health, ...rest }: ResolvedPool): object {
  return { ...rest, health: oneOrList(health), backends: isUse(backends) ? backends : new BackendList(name, backends) };
}

function routeAsWritten({ hosts, paths, methods, headers, ...rest }: ResolvedRoute): object {
  return { ...rest, match: { host: oneOrList(hosts), path: oneOrList(paths), method: oneOrList(methods), header: Object.fromEntries(headers) } };
}

function oneOrList<T>(list: readonly T[]): T | readonly T[] {
  return list.length === 1 ? list[0]! : list;
}

/** Written without a look at their keys: there may be tens of thousands. */
class BackendList {
  readonly pool: string;
  readonly list: readonly ResolvedBackend[];
  constructor(pool: string, list: readonly ResolvedBackend[]) {
    this.pool = pool;
    this.list = list;
  }
}

/** What says nothing is left out. Host, port, address and protocol are told by the URL and the pool: nobody wrote them. */
function backendText({ url, id, weight, maxInFlight, labels, zone, priority, drain }: ResolvedBackend, pool: string): string {
  let text = `{"url":${quote(url)}`;
  if (id !== `${pool}/${url}`) text += `,"id":${quote(id)}`;
  if (weight !== 1) text += `,"weight":${textOf(weight)}`;
  if (maxInFlight !== Infinity) text += `,"maxInFlight":${textOf(maxInFlight)}`;
  const labelText = textOf(labels);
  if (labelText !== '{}') text += `,"labels":${labelText}`;
  if (zone !== '') text += `,"zone":${quote(zone)}`;
  if (priority !== 0) text += `,"priority":${textOf(priority)}`;
  return drain ? `${text},"drain":true}` : `${text}}`;
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return numberText(value);
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : objectText(value);
    case 'function':
      return marked(`function ${ownName(value)}`);
    case 'bigint':
      return marked(`bigint ${value}`);
    case 'symbol':
      return marked(String(value));
    default:
      return marked(typeof value);
  }
}

function objectText(value: object): string {
  if (value instanceof BackendList) return `[${value.list.map((backend) => backendText(backend, value.pool)).join()}]`;
  if (Array.isArray(value)) return `[${Array.from(value as unknown[], (item) => textOf(item)).join()}]`;
  if (isUse(value)) return useText(value);
  if (types.isRegExp(value)) return marked(`RegExp ${value.source} ${value.flags}`);
  // Only the default of a plugin's option can be one.
  if (!isPlain(value)) return marked(`instance of ${ownName(Object.getPrototypeOf(value)?.constructor)}`);
  return recordText(value, Object.keys(value).sort());
}

/** Options stand where a report has them: at the place of the plugin itself. */
function useText({ kind, name, definition, options }: AnyUse): string {
  const version = 'stateVersion' in definition ? definition.stateVersion : undefined;
  const inner = recordText(options, Object.keys(options).sort());
  return `{${marked('plugin')}:${quote(`${kind} ${name}, defined as ${definition.name}, state ${String(version)}`)}${inner === '{}' ? '' : ','}${inner.slice(1)}`;
}

function recordText(record: object, keys: readonly string[]): string {
  let text = '';
  for (const key of keys) text += `${text === '' ? '' : ','}${quote(key)}:${textOf((record as Record<string, unknown>)[key])}`;
  return `{${text}}`;
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return marked('-0');
  return Number.isFinite(value) ? String(value) : marked(String(value));
}

/** Printable ASCII without what JSON escapes: most of a config, and faster than asking JSON. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text.startsWith(MARK) ? MARK + text : text);
}

function marked(text: string): string {
  return JSON.stringify(MARK + text);
}

/** Not by its own code: `name` may be anything, and throw. */
function ownName(value: unknown): string {
  const name: unknown = typeof value === 'function' ? Object.getOwnPropertyDescriptor(value, 'name')?.value : undefined;
  return typeof name === 'string' ? name : '';
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

function differenceOf(ours: Json | undefined, theirs: Json | undefined, path: string): string | undefined {
  if (ours === theirs) return undefined;
  if (typeof ours !== 'object' || typeof theirs !== 'object' || ours === null || theirs === null || Array.isArray(ours) !== Array.isArray(theirs)) return path;
  const isList = Array.isArray(ours);
  const [left, right] = [ours as Record<string, Json>, theirs as Record<string, Json>];
  for (const key of keysOf(left, right)) {
    const inner = isList ? joinPath(path, Number(key)) : isMark(key) ? path : joinPath(path, key);
    const found = Object.hasOwn(left, key) && Object.hasOwn(right, key) ? differenceOf(left[key], right[key], inner) : inner;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a use of a plugin is, beside its options. */
function isMark(key: string): boolean {
  return key.startsWith(MARK) && !key.startsWith(MARK, 1);
}

/** Names and ids last: where none is given they are made of the rest, and what made them differ is the better answer. */
function keysOf(left: object, right: object): string[] {
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  const isDerived = (key: string): boolean => key === 'name' || key === 'id';
  return [...keys.filter((key) => !isDerived(key)), ...keys.filter(isDerived)];
}
