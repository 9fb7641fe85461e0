/**
 * What plugins change in a head: an append-only journal beside the received bytes, which nobody touches. Its fields lie ready for the
 * wire, one behind the other.
 * The same plugins make the same edits request after request. So what lies behind `count` is not cleared away: an edit that comes
 * again at its old place, equal to what lies there, was checked and written before, and one comparison puts it back.
 */
import { SteelyardError } from '@steelyard/sdk';
import { type AskedName, askedName, isSameName } from './asked-names.ts';
import { HOST } from './field-names.ts';
import type { FieldTable } from './field-table.ts';
import { TARGET, VALUE } from './grammar.ts';
import { copyRun, writeCrlf, writeText } from './write-bytes.ts';

const SET = 1;
const APPEND = 2;
const REMOVE = 3;
const SET_TARGET = 4;

/** As many as names have hashes. */
const HASHES = 256;
/** What a head that is used again may keep of earlier edits. */
const KEPT_EDITS = 64;
const KEPT_BYTES = 2_048;
const USUAL_BYTES = 512;
const CRLF_BYTES = 2;
const NOTHING = Buffer.alloc(0);
const NO_NAME = askedName('');
/** `clearedBy` of an edit that stands: above any place in a journal, and small enough that the engine does not box it. */
const NOBODY = 0x3fff_ffff;

class Edit {
  kind = 0;
  name = NO_NAME;
  /** As in `name`, here so that an edit which comes again is known by a look at one object. */
  spelled = '';
  /** Where its value begins and its line ends in the journal's bytes; the same where it writes none. */
  valueStart = 0;
  end = 0;
  /** The place of the later edit that takes this one's field away; it does so while it is in the journal. */
  clearedBy = NOBODY;
  /** It keeps the bytes from being written as they lie: it clears others, or is about Host. */
  isObstacle = false;
}

export class EditJournal {
  count = 0;
  /** Nobody is being asked: an edit now is that of a plugin which kept the head, and the head may be another client's by now. */
  isLocked = false;
  /** By place. Those from `count` to `#known` are of earlier: what they say of names and places holds as soon as they are back. */
  readonly #edits: Edit[] = [];
  #known = 0;
  #bytes = NOTHING;
  /** Edits of fields, by the hash of their name, those of earlier too: most look-ups and received fields are about names that no edit has. */
  readonly #byHash = new Uint32Array(HASHES);
  /** Edits, those of earlier too, that are one. */
  #obstacles = 0;
  /** Targets and the places of their edits, the last one on top. */
  readonly #targets: { readonly place: number; readonly target: string }[] = [];

  /** Most bytes that the edits add to what is written. */
  get bound(): number {
    let bound = this.#end(this.count);
    for (const { target } of this.#targets) bound += target.length;
    return bound;
  }

  set(spelled: string, value: string): AskedName {
    return this.#write(SET, spelled, value);
  }
  append(spelled: string, value: string): AskedName {
    return this.#write(APPEND, spelled, value);
  }
  remove(spelled: string): AskedName {
    const earlier = this.#earlier(REMOVE, spelled);
    if (earlier === undefined) return this.#add(REMOVE, writableName(spelled), this.#end(this.count), this.#end(this.count));
    this.count += 1;
    return earlier.name;
  }
  setTarget(target: string): void {
    const earlier = this.#earlier(SET_TARGET, '');
    this.#targets.push({ place: this.count, target: checkedTarget(target) });
    if (earlier === undefined) this.#add(SET_TARGET, NO_NAME, this.#end(this.count), this.#end(this.count));
    else this.count += 1;
  }

  /** Cuts the journal back to the length it had. */
  rollback(mark: number): void {
    this.count = mark;
    while (this.#targets.length > 0 && this.#targets.at(-1)!.place >= mark) this.#targets.pop();
  }

  /** Between two uses: the room that a flood of edits took is given up. */
  shrink(): void {
    this.rollback(0);
    if (this.#edits.length <= KEPT_EDITS && this.#bytes.length <= KEPT_BYTES) return;
    this.#forgetFrom(0);
    this.#edits.length = 0;
    this.#bytes = NOTHING;
  }

  /** The target that counts; `undefined` = the received one. */
  target(): string | undefined {
    return this.#targets.length === 0 ? undefined : this.#targets.at(-1)!.target;
  }

  /** False: no edit is about a name of this hash. */
  mayTouch(hash: number): boolean {
    return this.count > 0 && this.#byHash[hash] !== 0;
  }
  /** Whether the received field is replaced or removed. Also under a look-alike of its name: many backends take `X_User` for `X-User`, which a plugin has written. */
  hides(table: FieldTable, field: number, raw: Buffer): boolean {
    if (!this.mayTouch(table.hash(field))) return false;
    for (let place = 0; place < this.count; place++) {
      const edit = this.#edits[place]!;
      if (isClearing(edit.kind) && table.isNamedAlike(field, edit.name, raw)) return true;
    }
    return false;
  }
  /** Whether any edit is about the name. */
  touches(name: AskedName): boolean {
    return this.#last(name) !== undefined;
  }
  /** The last written value of the name; `undefined` = not written, or removed again. */
  lastValue(name: AskedName): string | undefined {
    const edit = this.#last(name);
    return edit === undefined || edit.kind === REMOVE ? undefined : this.#valueOf(edit);
  }

  /** The fields that the edits leave, in order. */
  collect(into: [name: string, value: string][]): void {
    for (let place = 0; place < this.count; place++) {
      const edit = this.#edits[place]!;
      if (this.#isWritten(edit)) into.push([edit.spelled, this.#valueOf(edit)]);
    }
  }
  collectValues(name: AskedName, into: string[]): void {
    for (let place = 0; place < this.count; place++) {
      const edit = this.#edits[place]!;
      if (this.#isWritten(edit) && isSameName(edit.name, name)) into.push(this.#valueOf(edit));
    }
  }

  /** @param except the id of a field that is written elsewhere, `HOST`; `OTHER` = none. */
  write(out: Buffer, at: number, except: number): number {
    if (this.#obstacles === 0) return copyRun(this.#bytes, 0, this.#end(this.count), out, at);
    for (let place = 0; place < this.count; place++) {
      const edit = this.#edits[place]!;
      if (!this.#isWritten(edit) || (except === HOST && edit.name.id === HOST)) continue;
      at = copyRun(this.#bytes, this.#end(place), edit.end, out, at);
    }
    return at;
  }

  // ---- one edit ----

  #write(kind: number, spelled: string, value: string): AskedName {
    const earlier = this.#earlier(kind, spelled);
    if (earlier !== undefined && this.#isValue(earlier, value)) {
      this.count += 1;
      return earlier.name;
    }
    const name = earlier?.name ?? writableName(spelled);
    const written = writableValue(spelled, value);
    const start = this.#end(this.count);
    const valueStart = start + name.prefix.length;
    const end = valueStart + written.length + CRLF_BYTES;
    // Of the same length: those behind it stay where they are.
    if (earlier !== undefined && earlier.end === end) this.count += 1;
    else this.#add(kind, name, valueStart, end);
    copyRun(name.prefix, 0, name.prefix.length, this.#bytes, start);
    writeCrlf(this.#bytes, writeText(written, this.#bytes, valueStart));
    return name;
  }

  /** What lies at the next place, if it is of this kind and about this name. */
  #earlier(kind: number, spelled: string): Edit | undefined {
    if (this.isLocked) refuseEdit('the request was edited by a tap that had ended', 'edit it in onRequest, before the tap returns or its promise resolves');
    const edit = this.count < this.#known ? this.#edits[this.count]! : undefined;
    return edit !== undefined && edit.kind === kind && edit.spelled === spelled ? edit : undefined;
  }
  #isValue({ valueStart, end }: Edit, value: string): boolean {
    const bytes = this.#bytes;
    if (typeof value !== 'string' || value.length !== end - CRLF_BYTES - valueStart) return false;
    for (let i = 0; i < value.length; i++) {
      if (bytes[valueStart + i] !== value.charCodeAt(i)) return false;
    }
    return true;
  }

  #add(kind: number, name: AskedName, valueStart: number, end: number): AskedName {
    const place = this.count;
    this.#forgetFrom(place);
    this.#makeRoom(end);
    if (place === this.#edits.length) this.#edits.push(new Edit());
    const edit = this.#edits[place]!;
    edit.kind = kind;
    edit.name = name;
    edit.spelled = name.spelled;
    edit.valueStart = valueStart;
    edit.end = end;
    edit.clearedBy = NOBODY;
    edit.isObstacle = kind !== SET_TARGET && this.#isObstacle(kind, name, place);
    if (edit.isObstacle) this.#obstacles += 1;
    if (kind !== SET_TARGET) this.#byHash[name.hash]! += 1;
    this.count += 1;
    this.#known = this.count;
    return name;
  }
  #isObstacle(kind: number, name: AskedName, place: number): boolean {
    let isObstacle = name.id === HOST;
    if (!isClearing(kind) || this.#byHash[name.hash] === 0) return isObstacle;
    for (let before = 0; before < place; before++) {
      const edit = this.#edits[before]!;
      if (edit.clearedBy !== NOBODY || !isSameName(edit.name, name)) continue;
      edit.clearedBy = place;
      isObstacle = true;
    }
    return isObstacle;
  }

  /** Something else comes at this place: what lies there and behind it will not come back. */
  #forgetFrom(place: number): void {
    const obstacles = this.#obstacles;
    while (this.#known > place) {
      this.#known -= 1;
      const edit = this.#edits[this.#known]!;
      if (edit.isObstacle) this.#obstacles -= 1;
      if (edit.kind !== SET_TARGET) this.#byHash[edit.name.hash]! -= 1;
    }
    if (this.#obstacles === obstacles) return;
    for (let before = 0; before < place; before++) {
      const edit = this.#edits[before]!;
      if (edit.clearedBy >= place) edit.clearedBy = NOBODY;
    }
  }
  #makeRoom(size: number): void {
    if (size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(USUAL_BYTES, size * 2));
    this.#bytes.copy(larger, 0, 0, this.#end(this.count));
    this.#bytes = larger;
  }

  // ---- what lies there ----

  /** Where the lines of the edits before this place end. */
  #end(place: number): number {
    return place === 0 ? 0 : this.#edits[place - 1]!.end;
  }
  #valueOf({ valueStart, end }: Edit): string {
    return this.#bytes.toString('latin1', valueStart, end - CRLF_BYTES);
  }
  #last(name: AskedName): Edit | undefined {
    if (!this.mayTouch(name.hash)) return undefined;
    for (let place = this.count - 1; place >= 0; place--) {
      const edit = this.#edits[place]!;
      if (isSameName(edit.name, name)) return edit;
    }
    return undefined;
  }
  /** Whether it writes a field that no later edit takes away. */
  #isWritten({ kind, clearedBy }: Edit): boolean {
    return (kind === SET || kind === APPEND) && clearedBy >= this.count;
  }
}

function isClearing(kind: number): boolean {
  return kind === SET || kind === REMOVE;
}

export function refuseEdit(message: string, hint: string): never {
  throw new SteelyardError('ERR_HEAD_EDIT', { source: 'plugin', message, hint });
}

function writableName(spelled: string): AskedName {
  const name = typeof spelled === 'string' ? askedName(spelled) : NO_NAME;
  if (!name.isToken) refuseEdit(`${JSON.stringify(spelled)} is no field name`, "letters, digits and !#$%&'*+-.^_`|~ may stand in one");
  if (name.isFraming) refuseEdit(`the field ${spelled} belongs to the connection or the framing`, 'only the core writes it');
  return name;
}
function writableValue(name: string, value: string): string {
  if (typeof value !== 'string') refuseEdit(`the value of ${name} is ${value === null ? 'null' : typeof value}`, 'give a string');
  if (!isAll(VALUE, value)) {
    refuseEdit(`the value of ${name} holds a control character, or one above U+00FF`, 'CR, LF and NUL would end the field; encode what is not Latin-1');
  }
  return /^[ \t]|[ \t]$/.test(value) ? value.replace(/^[ \t]+|[ \t]+$/g, '') : value;
}
function checkedTarget(target: string): string {
  if (typeof target !== 'string' || !target.startsWith('/')) refuseEdit(`the target ${shownTarget(target)} does not begin with /`, 'give path and query');
  if (!isAll(TARGET, target)) refuseEdit(`the target ${shownTarget(target)} holds a space, a #, a control or a character above 0x7e`, 'encode it: %20');
  return target;
}
/** For the log: a query may be the client's, with a token in it. */
const shownTarget = (target: unknown): string => (typeof target === 'string' ? JSON.stringify(target.replace(/([?#]).+/s, '$1***')) : typeof target);
function isAll(allowed: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Beyond the table: `undefined`, which is as little allowed as 0.
    if (allowed[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
