/** What plugins change in a head: an append-only journal beside the received bytes, which nobody touches. */
import { SteelyardError } from '@steelyard/sdk';
import { hashOfName } from './field-names.ts';
import type { FieldTable } from './field-table.ts';
import { TARGET, TOKEN, VALUE } from './grammar.ts';
import { writeField } from './write-bytes.ts';

const SET = 1;
const APPEND = 2;
const REMOVE = 3;
const SET_TARGET = 4;

/** What says where a message ends and which hop a field is for: only the core writes it. `Expect` decides when a body is sent. */
const FRAMING_NAMES: ReadonlySet<string> = new Set([
  'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'trailer', 'http2-settings', 'expect',
]);

export class EditJournal {
  count = 0;
  /** Most bytes that the edits add to what is written. */
  bound = 0;
  readonly #kinds: number[] = [];
  readonly #names: string[] = [];
  readonly #keys: string[] = [];
  readonly #hashes: number[] = [];
  readonly #values: string[] = [];

  set(name: string, value: string): void {
    this.#add(SET, checkedName(name), checkedValue(name, value));
  }
  append(name: string, value: string): void {
    this.#add(APPEND, checkedName(name), checkedValue(name, value));
  }
  remove(name: string): void {
    this.#add(REMOVE, checkedName(name), '');
  }
  setTarget(target: string): void {
    this.#add(SET_TARGET, '', checkedTarget(target));
  }

  /** Cuts the journal back to the length it had. */
  rollback(mark: number): void {
    while (this.count > mark) {
      this.count -= 1;
      this.bound -= this.#size(this.count);
    }
  }

  /** The target that counts; `undefined` = the received one. */
  target(): string | undefined {
    for (let edit = this.count - 1; edit >= 0; edit--) {
      if (this.#kinds[edit] === SET_TARGET) return this.#values[edit];
    }
    return undefined;
  }

  /** Whether the received field is replaced or removed. */
  hides(table: FieldTable, field: number, raw: Buffer): boolean {
    for (let edit = 0; edit < this.count; edit++) {
      if (this.#clears(edit) && table.isNamed(field, this.#names[edit]!, this.#hashes[edit]!, raw)) return true;
    }
    return false;
  }
  /** Whether any edit is about the name, given in lower case. */
  touches(key: string): boolean {
    for (let edit = 0; edit < this.count; edit++) {
      if (this.#keys[edit] === key) return true;
    }
    return false;
  }
  /** The last written value of the name, given in lower case; `undefined` = not written, or removed again. */
  lastValue(key: string): string | undefined {
    for (let edit = this.count - 1; edit >= 0; edit--) {
      if (this.#keys[edit] === key) return this.#kinds[edit] === REMOVE ? undefined : this.#values[edit];
    }
    return undefined;
  }

  /** The fields that the edits leave, in order; all of them for '', else those of the name, given in lower case. */
  collect(key: string, into: [name: string, value: string][]): void {
    for (let edit = 0; edit < this.count; edit++) {
      if (this.#isWritten(edit) && (key === '' || this.#keys[edit] === key)) into.push([this.#names[edit]!, this.#values[edit]!]);
    }
  }

  /** @param except a name that is written elsewhere, in lower case. */
  write(out: Buffer, at: number, except: string): number {
    for (let edit = 0; edit < this.count; edit++) {
      if (!this.#isWritten(edit) || this.#keys[edit] === except) continue;
      at = writeField(this.#names[edit]!, this.#values[edit]!, out, at);
    }
    return at;
  }

  #add(kind: number, name: string, value: string): void {
    const edit = this.count;
    this.#kinds[edit] = kind;
    this.#names[edit] = name;
    this.#keys[edit] = name.toLowerCase();
    this.#hashes[edit] = hashOfName(name);
    this.#values[edit] = value;
    this.count += 1;
    this.bound += this.#size(edit);
  }
  #size(edit: number): number {
    return this.#names[edit]!.length + this.#values[edit]!.length + 4;
  }
  #clears(edit: number): boolean {
    return this.#kinds[edit] === SET || this.#kinds[edit] === REMOVE;
  }
  /** Whether the edit writes a field that no later edit takes away. */
  #isWritten(edit: number): boolean {
    if (this.#kinds[edit] !== SET && this.#kinds[edit] !== APPEND) return false;
    for (let later = edit + 1; later < this.count; later++) {
      if (this.#clears(later) && this.#keys[later] === this.#keys[edit]) return false;
    }
    return true;
  }
}

export function refuseEdit(message: string, hint: string): never {
  throw new SteelyardError('ERR_HEAD_EDIT', { source: 'plugin', message, hint });
}

function checkedName(name: string): string {
  if (typeof name !== 'string' || name === '' || !isAll(TOKEN, name)) {
    refuseEdit(`${JSON.stringify(name)} is no field name`, "letters, digits and !#$%&'*+-.^_`|~ may stand in one");
  }
  if (FRAMING_NAMES.has(name.toLowerCase())) refuseEdit(`the field ${name} belongs to the connection or the framing`, 'only the core writes it');
  return name;
}
function checkedValue(name: string, value: string): string {
  if (typeof value !== 'string') refuseEdit(`the value of ${name} is ${value === null ? 'null' : typeof value}`, 'give a string');
  if (!isAll(VALUE, value)) {
    refuseEdit(`the value of ${name} holds a control character, or one above U+00FF`, 'CR, LF and NUL would end the field; encode what is not Latin-1');
  }
  return value.replace(/^[ \t]+|[ \t]+$/g, '');
}
function checkedTarget(target: string): string {
  if (typeof target !== 'string' || !target.startsWith('/')) refuseEdit(`the target ${JSON.stringify(target)} does not begin with /`, 'give path and query');
  if (!isAll(TARGET, target)) refuseEdit(`the target ${JSON.stringify(target)} holds a space, a #, a control or a character above 0x7e`, 'encode it: %20');
  return target;
}
function isAll(allowed: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Beyond the table: `undefined`, which is as little allowed as 0.
    if (allowed[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
