/** What plugins change in a head: an append-only journal beside the received bytes, which nobody touches. */
import { editName, type EditName, isAll, refuseEdit } from './edit-names.ts';
import { hashOfName } from './field-names.ts';
import type { FieldTable } from './field-table.ts';
import { HTAB, SP, TARGET, VALUE } from './grammar.ts';
import { copyRun, writeCrlf, writeText } from './write-bytes.ts';

const SET = 1;
const APPEND = 2;
const REMOVE = 3;
const SET_TARGET = 4;
const NO_NAME: EditName = { text: '', lowerCase: '', hash: 0, bytes: Buffer.alloc(0) };

export class EditJournal {
  count = 0;
  /** Most bytes that the edits add to what is written. */
  bound = 0;
  readonly #kinds: number[] = [];
  readonly #names: EditName[] = [];
  readonly #values: string[] = [];
  /** Edits by the hash of their name, 0 to 255: most look-ups and received fields are about names that no edit has. */
  readonly #byHash = new Uint32Array(256);
  #targets = 0;

  set(name: string, value: string): void {
    this.#add(SET, this.#nameOf(name), this.#checkedValue(name, value));
  }
  append(name: string, value: string): void {
    this.#add(APPEND, this.#nameOf(name), this.#checkedValue(name, value));
  }
  remove(name: string): void {
    this.#add(REMOVE, this.#nameOf(name), '');
  }
  setTarget(target: string): void {
    this.#add(SET_TARGET, NO_NAME, checkedTarget(target));
    this.#targets += 1;
  }

  /** Cuts the journal back to the length it had. */
  rollback(mark: number): void {
    while (this.count > mark) {
      this.count -= 1;
      this.bound -= this.#size(this.count);
      if (this.#kinds[this.count] === SET_TARGET) this.#targets -= 1;
      this.#byHash[this.#names[this.count]!.hash]! -= 1;
    }
  }

  /** The target that counts; `undefined` = the received one. */
  target(): string | undefined {
    if (this.#targets === 0) return undefined;
    for (let edit = this.count - 1; edit >= 0; edit--) {
      if (this.#kinds[edit] === SET_TARGET) return this.#values[edit];
    }
    return undefined;
  }

  /** False: no edit is about a name of this hash. */
  mayTouch(hash: number): boolean {
    return this.#byHash[hash] !== 0;
  }
  /** Whether the received field is replaced or removed. */
  hides(table: FieldTable, field: number, raw: Buffer): boolean {
    if (!this.mayTouch(table.hash(field))) return false;
    for (let edit = 0; edit < this.count; edit++) {
      const name = this.#names[edit]!;
      if (this.#clears(edit) && table.isNamed(field, name.text, name.hash, raw)) return true;
    }
    return false;
  }
  /** Whether any edit is about the name, given in lower case. */
  touches(key: string): boolean {
    if (!this.mayTouch(hashOfName(key))) return false;
    for (let edit = 0; edit < this.count; edit++) {
      if (this.#names[edit]!.lowerCase === key) return true;
    }
    return false;
  }
  /** The last written value of the name, given in lower case; `undefined` = not written, or removed again. */
  lastValue(key: string): string | undefined {
    if (!this.mayTouch(hashOfName(key))) return undefined;
    for (let edit = this.count - 1; edit >= 0; edit--) {
      if (this.#names[edit]!.lowerCase === key) return this.#kinds[edit] === REMOVE ? undefined : this.#values[edit];
    }
    return undefined;
  }

  /** The fields that the edits leave, in order; all of them for '', else those of the name, given in lower case. */
  collect(key: string, into: [name: string, value: string][]): void {
    for (let edit = 0; edit < this.count; edit++) {
      const name = this.#names[edit]!;
      if ((key === '' || name.lowerCase === key) && this.#isWritten(edit)) into.push([name.text, this.#values[edit]!]);
    }
  }

  /** @param except a name that is written elsewhere, in lower case. */
  write(out: Buffer, at: number, except: string): number {
    for (let edit = 0; edit < this.count; edit++) {
      const name = this.#names[edit]!;
      if (name.lowerCase === except || !this.#isWritten(edit)) continue;
      at = copyRun(name.bytes, 0, name.bytes.length, out, at);
      at = writeCrlf(out, writeText(this.#values[edit]!, out, at));
    }
    return at;
  }

  // The same plugins edit request after request in the same order: what stood at this place before was checked then.
  #nameOf(text: string): EditName {
    const before = this.#names[this.count];
    return before !== undefined && before !== NO_NAME && before.text === text ? before : editName(text);
  }
  #checkedValue(name: string, value: string): string {
    return this.count < this.#values.length && this.#kinds[this.count] !== SET_TARGET && this.#values[this.count] === value ? value : checkedValue(name, value);
  }

  #add(kind: number, name: EditName, value: string): void {
    const edit = this.count;
    this.#kinds[edit] = kind;
    this.#names[edit] = name;
    this.#values[edit] = value;
    this.#byHash[name.hash]! += 1;
    this.count += 1;
    this.bound += this.#size(edit);
  }
  #size(edit: number): number {
    return this.#names[edit]!.text.length + this.#values[edit]!.length + 4;
  }
  #clears(edit: number): boolean {
    return this.#kinds[edit] === SET || this.#kinds[edit] === REMOVE;
  }
  /** Whether the edit writes a field that no later edit takes away. */
  #isWritten(edit: number): boolean {
    if (this.#kinds[edit] !== SET && this.#kinds[edit] !== APPEND) return false;
    const { hash, lowerCase } = this.#names[edit]!;
    if (this.#byHash[hash] === 1) return true;
    for (let later = edit + 1; later < this.count; later++) {
      if (this.#clears(later) && this.#names[later]!.lowerCase === lowerCase) return false;
    }
    return true;
  }
}

function checkedValue(name: string, value: string): string {
  if (typeof value !== 'string') refuseEdit(`the value of ${name} is ${value === null ? 'null' : typeof value}`, 'give a string');
  if (!isAll(VALUE, value)) {
    refuseEdit(`the value of ${name} holds a control character, or one above U+00FF`, 'CR, LF and NUL would end the field; encode what is not Latin-1');
  }
  return isSpace(value, 0) || isSpace(value, value.length - 1) ? value.replace(/^[ \t]+|[ \t]+$/g, '') : value;
}
function isSpace(value: string, at: number): boolean {
  const code = value.charCodeAt(at);
  return code === SP || code === HTAB;
}
function checkedTarget(target: string): string {
  if (typeof target !== 'string' || !target.startsWith('/')) refuseEdit(`the target ${JSON.stringify(target)} does not begin with /`, 'give path and query');
  if (!isAll(TARGET, target)) refuseEdit(`the target ${JSON.stringify(target)} holds a space, a #, a control or a character above 0x7e`, 'encode it: %20');
  return target;
}
