/** What plugins change in a head: an append-only journal beside the received bytes, which nobody touches. */
import { SteelyardError } from '@steelyard/sdk';
import { type AskedName, askedName, isSameName } from './asked-names.ts';
import { OTHER } from './field-names.ts';
import type { FieldTable } from './field-table.ts';
import { HTAB, SP, TARGET, VALUE } from './grammar.ts';
import { copyRun, writeCrlf, writeText } from './write-bytes.ts';

const SET = 1;
const APPEND = 2;
const REMOVE = 3;
const SET_TARGET = 4;

/** As many as names have hashes. */
const HASHES = 256;
/** Edits whose objects a head keeps for its next use. */
const KEPT_EDITS = 64;
const NO_NAME = askedName('');
/** `clearedBy` of an edit that stands: above any place in a journal, and small enough that the engine does not box it. */
const NOBODY = 0x3fff_ffff;

interface Edit {
  kind: number;
  name: AskedName;
  value: string;
  /** The later edit that takes this one's field away. */
  clearedBy: number;
}

export class EditJournal {
  count = 0;
  /** Most bytes that the edits add to what is written. */
  bound = 0;
  /** Longer than `count` where there were more once: the objects are used again. */
  readonly #edits: Edit[] = [];
  /** Edits of fields, by the hash of their name: most look-ups and received fields are about names that no edit has. */
  readonly #byHash = new Uint32Array(HASHES);
  #targets = 0;

  set(name: string, value: string): AskedName {
    return this.#add(SET, this.#writableName(name), writableValue(name, value));
  }
  append(name: string, value: string): AskedName {
    return this.#add(APPEND, this.#writableName(name), writableValue(name, value));
  }
  remove(name: string): AskedName {
    return this.#add(REMOVE, this.#writableName(name), '');
  }
  setTarget(target: string): void {
    this.#add(SET_TARGET, NO_NAME, checkedTarget(target));
  }

  /** Cuts the journal back to the length it had. */
  rollback(mark: number): void {
    while (this.count > mark) {
      this.count -= 1;
      const edit = this.#edits[this.count]!;
      this.bound -= sizeOf(edit);
      edit.value = '';
      if (edit.kind === SET_TARGET) this.#targets -= 1;
      else this.#byHash[edit.name.hash]! -= 1;
    }
    for (let at = 0; at < mark; at++) {
      const edit = this.#edits[at]!;
      if (edit.clearedBy >= mark) edit.clearedBy = NOBODY;
    }
  }

  /** Between two uses: forgets what stood in it, and the room that a flood of edits took. */
  shrink(): void {
    this.rollback(0);
    if (this.#edits.length > KEPT_EDITS) this.#edits.length = KEPT_EDITS;
  }

  /** The target that counts; `undefined` = the received one. */
  target(): string | undefined {
    if (this.#targets === 0) return undefined;
    let at = this.count - 1;
    while (this.#edits[at]!.kind !== SET_TARGET) at--;
    return this.#edits[at]!.value;
  }

  /** False: no edit is about a name of this hash. */
  mayTouch(hash: number): boolean {
    return this.#byHash[hash] !== 0;
  }
  /** Whether the received field is replaced or removed. */
  hides(table: FieldTable, field: number, raw: Buffer): boolean {
    if (!this.mayTouch(table.hash(field))) return false;
    for (let at = 0; at < this.count; at++) {
      const edit = this.#edits[at]!;
      if (isClearing(edit.kind) && table.isNamed(field, edit.name, raw)) return true;
    }
    return false;
  }
  /** Whether any edit is about the name. */
  touches(name: AskedName): boolean {
    if (!this.mayTouch(name.hash)) return false;
    for (let at = 0; at < this.count; at++) {
      if (isSameName(this.#edits[at]!.name, name)) return true;
    }
    return false;
  }
  /** The last written value of the name; `undefined` = not written, or removed again. */
  lastValue(name: AskedName): string | undefined {
    if (!this.mayTouch(name.hash)) return undefined;
    for (let at = this.count - 1; at >= 0; at--) {
      const edit = this.#edits[at]!;
      if (isSameName(edit.name, name)) return edit.kind === REMOVE ? undefined : edit.value;
    }
    return undefined;
  }

  /** The fields that the edits leave, in order. */
  collect(into: [name: string, value: string][]): void {
    for (let at = 0; at < this.count; at++) {
      const edit = this.#edits[at]!;
      if (isWriting(edit)) into.push([edit.name.spelled, edit.value]);
    }
  }
  collectValues(name: AskedName, into: string[]): void {
    for (let at = 0; at < this.count; at++) {
      const edit = this.#edits[at]!;
      if (isWriting(edit) && isSameName(edit.name, name)) into.push(edit.value);
    }
  }

  /** @param except the id of a field that is written elsewhere; `OTHER` = none. */
  write(out: Buffer, at: number, except: number): number {
    for (let index = 0; index < this.count; index++) {
      const edit = this.#edits[index]!;
      const { name } = edit;
      if (!isWriting(edit) || (except !== OTHER && name.id === except)) continue;
      at = copyRun(name.prefix, 0, name.prefix.length, out, at);
      at = writeCrlf(out, writeText(edit.value, out, at));
    }
    return at;
  }

  #writableName(spelled: string): AskedName {
    // The same plugins edit request after request in the same order: what stood at this place before was looked at then.
    const before = this.#edits[this.count]?.name;
    if (before !== undefined && before !== NO_NAME && before.spelled === spelled) return before;
    const name = typeof spelled === 'string' ? askedName(spelled) : NO_NAME;
    if (!name.isToken) refuseEdit(`${JSON.stringify(spelled)} is no field name`, "letters, digits and !#$%&'*+-.^_`|~ may stand in one");
    if (name.isFraming) refuseEdit(`the field ${spelled} belongs to the connection or the framing`, 'only the core writes it');
    return name;
  }
  #add(kind: number, name: AskedName, value: string): AskedName {
    const index = this.count;
    let edit = this.#edits[index];
    if (edit === undefined) {
      edit = { kind, name, value, clearedBy: NOBODY };
      this.#edits.push(edit);
    } else {
      edit.kind = kind;
      edit.name = name;
      edit.value = value;
      edit.clearedBy = NOBODY;
    }
    this.count += 1;
    this.bound += sizeOf(edit);
    if (kind === SET_TARGET) {
      this.#targets += 1;
    } else {
      if (isClearing(kind) && this.mayTouch(name.hash)) this.#clear(name, index);
      this.#byHash[name.hash]! += 1;
    }
    return name;
  }
  #clear(name: AskedName, by: number): void {
    for (let at = 0; at < by; at++) {
      const edit = this.#edits[at]!;
      if (edit.clearedBy === NOBODY && isSameName(edit.name, name)) edit.clearedBy = by;
    }
  }
}

function sizeOf(edit: Edit): number {
  return edit.name.prefix.length + edit.value.length + 2;
}
function isClearing(kind: number): boolean {
  return kind === SET || kind === REMOVE;
}
/** Whether the edit writes a field that no later edit takes away. */
function isWriting(edit: Edit): boolean {
  return (edit.kind === SET || edit.kind === APPEND) && edit.clearedBy === NOBODY;
}

export function refuseEdit(message: string, hint: string): never {
  throw new SteelyardError('ERR_HEAD_EDIT', { source: 'plugin', message, hint });
}

function writableValue(name: string, value: string): string {
  if (typeof value !== 'string') refuseEdit(`the value of ${name} is ${value === null ? 'null' : typeof value}`, 'give a string');
  if (!isAll(VALUE, value)) {
    refuseEdit(`the value of ${name} holds a control character, or one above U+00FF`, 'CR, LF and NUL would end the field; encode what is not Latin-1');
  }
  const isBare = value === '' || (!isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1)));
  return isBare ? value : value.replace(/^[ \t]+|[ \t]+$/g, '');
}
function checkedTarget(target: string): string {
  if (typeof target !== 'string' || !target.startsWith('/')) refuseEdit(`the target ${JSON.stringify(target)} does not begin with /`, 'give path and query');
  if (!isAll(TARGET, target)) refuseEdit(`the target ${JSON.stringify(target)} holds a space, a #, a control or a character above 0x7e`, 'encode it: %20');
  return target;
}
function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}
function isAll(allowed: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Beyond the table: `undefined`, which is as little allowed as 0.
    if (allowed[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
