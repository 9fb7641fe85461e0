/** What both heads have in common: the received bytes, the table over them, look-ups, the journal of edits, the framing. */
import type { ErrorCode, HeadFields } from '@steelyard/sdk';
import { type AskedName, askedName } from './asked-names.ts';
import { EditJournal } from './edits.ts';
import { CONNECTION, CONTENT_LENGTH, FORWARDING, HTTP2_SETTINGS, OTHER, TRANSFER_ENCODING, UPGRADE, hashOf, hashOfName } from './field-names.ts';
import { FieldTable } from './field-table.ts';
import {
  CODING_CHUNKED, CODING_MALFORMED, NO_LENGTH, endOfToken, isElementEnd, isPassableUpgrade, nextElement, readCoding, readLength,
} from './framing.ts';
import { equalsIgnoringCase, isSameIgnoringCase } from './grammar.ts';
import { LookUps } from './look-ups.ts';
import { copyRun } from './write-bytes.ts';

/** Most heads fit; a larger one makes the copy grow. */
const USUAL_HEAD_BYTES = 2048;
/** What a head that is used again may keep. */
const KEPT_HEAD_BYTES = 8192;
/** Names in Connection. Each costs a look at every field, and honest senders name two or three. */
const MAX_OPTIONS = 64;
/** Fields that Connection must not take from us: without them the message would have another end, place or order. */
const NOT_OPTIONS = ['content-length', 'transfer-encoding', 'host', 'expect'];

export abstract class MessageHead implements HeadFields {
  /** Body bytes, -1 = no Content-Length. */
  contentLength = NO_LENGTH;
  chunked = false;
  /** The sender keeps the connection open after this message. */
  keepAlive = false;
  /** Why the parser returned -1; '' = it did not. */
  fault: ErrorCode | '' = '';
  /** Fields that Connection names, beside those that never go on. Trailers may be among them. */
  namedFields = 0;
  /** One sentence for the log. */
  faultDetail = '';

  #hidesForwarding = false;

  /** The head as received, from the first byte of its first line. Valid until the next parse into this object. */
  protected raw: Buffer = Buffer.allocUnsafeSlow(USUAL_HEAD_BYTES);
  protected readonly table = new FieldTable();
  readonly edits = new EditJournal();
  protected isHttp10 = false;
  /** Connection names upgrade. */
  protected wantsUpgrade = false;
  /** There are Upgrade fields, and all of them may go on. */
  protected hasPassableUpgrade = false;
  #seesUpgrade = false;
  #saysClose = false;
  #saysKeepAlive = false;
  readonly #lookUps = new LookUps();

  // ---- look-ups ----

  header(name: string): string | undefined {
    const hash = hashOfName(name);
    if (this.edits.mayTouch(hash)) {
      const values = this.headerValues(name);
      return values.length === 0 ? undefined : values.join(', ');
    }
    if (this.#lookUps.has(name, hash)) return this.#lookUps.answer(hash);
    return this.#lookUps.keep(name, hash, this.#received(askedName(name)));
  }

  #received(name: AskedName): string | undefined {
    let found: string | undefined;
    for (let field = this.#find(name, 0); field >= 0; field = this.#find(name, field + 1)) {
      found = found === undefined ? this.#value(field) : `${found}, ${this.#value(field)}`;
    }
    return found;
  }

  headerValues(name: string): string[] {
    const asked = askedName(name);
    const isEdited = this.edits.mayTouch(asked.hash);
    const values: string[] = [];
    for (let field = this.#find(asked, 0); field >= 0; field = this.#find(asked, field + 1)) {
      if (!isEdited || !this.edits.hides(this.table, field, this.raw)) values.push(this.#value(field));
    }
    if (isEdited) this.edits.collectValues(asked, values);
    return values;
  }

  hasHeader(name: string): boolean {
    const asked = askedName(name);
    return this.edits.mayTouch(asked.hash) ? this.headerValues(name).length > 0 : this.#find(asked, 0) >= 0;
  }

  headers(): [name: string, value: string][] {
    const fields: [string, string][] = [];
    for (let field = 0; field < this.table.count; field++) {
      if (this.#isHidden(this.table.id(field)) || this.edits.hides(this.table, field, this.raw)) continue;
      fields.push([this.raw.toString('latin1', this.table.lineStart(field), this.table.nameEnd(field)), this.#value(field)]);
    }
    this.edits.collect(fields);
    return fields;
  }

  /** Look-ups do not show received `X-Forwarded-*` and `Forwarded` fields. Set after the parse; each parse resets it. */
  set hideForwarding(isHidden: boolean) {
    if (isHidden !== this.#hidesForwarding) this.#lookUps.forget();
    this.#hidesForwarding = isHidden;
  }
  /** What an untrusted client says of itself does not go on: nobody may build on it either. */
  #isHidden(id: number): boolean {
    return this.#hidesForwarding && id === FORWARDING;
  }
  /** The first received field of the name at or behind `from` that may be shown; -1 = none. */
  #find(name: AskedName, from: number): number {
    return this.#isHidden(name.id) ? -1 : this.table.find(name, from, this.raw);
  }

  #value(field: number): string {
    return this.raw.toString('latin1', this.table.valueStart(field), this.table.valueEnd(field));
  }

  // ---- edits ----

  setHeader(name: string, value: string): void {
    this.edits.set(name, value);
  }
  appendHeader(name: string, value: string): void {
    this.edits.append(name, value);
  }
  removeHeader(name: string): void {
    this.edits.remove(name);
  }
  /** The length of the journal of edits, for `rollback`. */
  mark(): number {
    return this.edits.count;
  }
  /** Takes back what was edited since `mark`. */
  rollback(mark: number): void {
    this.edits.rollback(mark);
  }

  // ---- for the parsers of the two heads ----

  protected begin(): void {
    this.contentLength = NO_LENGTH;
    this.chunked = false;
    this.keepAlive = false;
    this.fault = '';
    this.faultDetail = '';
    this.isHttp10 = false;
    this.#hidesForwarding = false;
    this.wantsUpgrade = false;
    this.hasPassableUpgrade = false;
    this.#seesUpgrade = false;
    this.#saysClose = false;
    this.#saysKeepAlive = false;
    this.namedFields = 0;
    this.table.count = 0;
    this.#lookUps.forget();
    if (this.edits.count > 0) this.rollback(0);
  }

  /** Ends the parse with a fault. */
  protected fail(code: ErrorCode, detail: string): -1 {
    this.fault = code;
    this.faultDetail = detail;
    return -1;
  }

  /** Between two uses: what is large is given up, or each exchange of a burst would keep the largest head that it ever saw. */
  shrink(): void {
    this.#lookUps.forget();
    this.edits.shrink();
    if (this.raw.length > KEPT_HEAD_BYTES) this.raw = Buffer.allocUnsafeSlow(USUAL_HEAD_BYTES);
  }

  /** Takes the bytes over. */
  protected take(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size > this.raw.length) this.raw = Buffer.allocUnsafeSlow(Math.max(size, this.raw.length * 2));
    copyRun(bytes, start, end, this.raw, 0);
  }

  /** Judges each complete field line, in order, so that the verdict does not depend on how the bytes came. False = failed. */
  protected judgeFields(bytes: Buffer, base: number): boolean {
    for (let field = 0; field < this.table.count; field++) {
      const id = this.table.id(field);
      if (id === OTHER) continue;
      if (!this.judge(id, field, bytes, base + this.table.valueStart(field), base + this.table.valueEnd(field))) return false;
    }
    return true;
  }

  /** One field that the core has to do with; the head's own kinds first. */
  protected abstract judge(id: number, field: number, bytes: Buffer, start: number, end: number): boolean;

  protected judgeCommon(id: number, bytes: Buffer, start: number, end: number): boolean {
    switch (id) {
      case CONTENT_LENGTH:
        return this.#judgeLength(bytes, start, end);
      case TRANSFER_ENCODING:
        return this.#judgeCoding(bytes, start, end);
      case CONNECTION:
        return this.#judgeConnection(bytes, start, end);
      case UPGRADE:
        this.hasPassableUpgrade = (this.hasPassableUpgrade || !this.#seesUpgrade) && isPassableUpgrade(bytes, start, end);
        this.#seesUpgrade = true;
        return true;
      case HTTP2_SETTINGS:
        // As good as `Upgrade: h2c`, whatever else is said.
        this.hasPassableUpgrade = false;
        this.#seesUpgrade = true;
        return true;
      default:
        return true;
    }
  }

  /** Once all fields are judged: what Connection says about the connection and about other fields. */
  protected concludeConnection(bytes: Buffer, base: number): void {
    this.keepAlive = !this.#saysClose && (!this.isHttp10 || this.#saysKeepAlive);
    if (this.namedFields === 0) return;
    for (let field = 0; field < this.table.count; field++) {
      if (this.table.id(field) === CONNECTION) this.#dropNamed(bytes, base, base + this.table.valueStart(field), base + this.table.valueEnd(field));
    }
  }

  /** Lines that go on as they came, from the offset `start`, in runs as long as possible. `passing` has a bit for each id that may. */
  protected writeLines(out: Buffer, at: number, start: number, passing: number): number {
    const { table, edits, raw } = this;
    const isEdited = edits.count > 0;
    for (let field = 0; field < table.count; field++) {
      const passes = ((passing >> table.id(field)) & 1) === 1 && !table.isDropped(field);
      if (passes && !(isEdited && edits.hides(table, field, raw))) continue;
      const lineStart = table.lineStart(field);
      if (lineStart > start) at = copyRun(raw, start, lineStart, out, at);
      start = table.lineEnd(field);
    }
    return copyRun(raw, start, table.linesEnd, out, at);
  }

  // ---- framing ----

  #judgeLength(bytes: Buffer, start: number, end: number): boolean {
    const length = readLength(bytes, start, end);
    if (length === NO_LENGTH) return this.#malformed('a Content-Length that is no number from 0 to 2^53 - 1');
    // RFC 9112 §6.1: both together smell of smuggling.
    if (this.chunked) return this.#malformed('Content-Length beside Transfer-Encoding');
    if (this.contentLength !== NO_LENGTH && this.contentLength !== length) return this.#malformed('two Content-Length fields that differ');
    this.contentLength = length;
    return true;
  }

  #judgeCoding(bytes: Buffer, start: number, end: number): boolean {
    if (this.isHttp10) return this.#malformed('Transfer-Encoding in HTTP/1.0');
    if (this.chunked) return this.#malformed('two Transfer-Encoding fields');
    if (this.contentLength !== NO_LENGTH) return this.#malformed('Transfer-Encoding beside Content-Length');
    const coding = readCoding(bytes, start, end);
    if (coding === CODING_MALFORMED) return this.#malformed('a Transfer-Encoding that is no list of codings, or has chunked twice');
    if (coding !== CODING_CHUNKED) {
      this.fail('ERR_REQUEST_TRANSFER_CODING', 'a transfer coding other than chunked');
      return false;
    }
    this.chunked = true;
    return true;
  }

  #judgeConnection(bytes: Buffer, start: number, end: number): boolean {
    for (let at = nextElement(bytes, start, end); at < end; ) {
      const optionEnd = endOfToken(bytes, at, end);
      if (optionEnd === at || !isElementEnd(bytes, optionEnd, end)) return this.#malformed('a Connection field that is no list of options');
      if (equalsIgnoringCase(bytes, at, optionEnd, 'close')) this.#saysClose = true;
      else if (equalsIgnoringCase(bytes, at, optionEnd, 'keep-alive')) this.#saysKeepAlive = true;
      else if (equalsIgnoringCase(bytes, at, optionEnd, 'upgrade')) this.wantsUpgrade = true;
      else if (!equalsIgnoringCase(bytes, at, optionEnd, 'te')) {
        for (const name of NOT_OPTIONS) {
          if (equalsIgnoringCase(bytes, at, optionEnd, name)) return this.#malformed(`Connection names ${name}`);
        }
        if (++this.namedFields > MAX_OPTIONS) return this.#malformed(`Connection names more than ${MAX_OPTIONS} fields`);
      }
      at = nextElement(bytes, optionEnd, end);
    }
    return true;
  }

  #dropNamed(bytes: Buffer, base: number, start: number, end: number): void {
    for (let at = nextElement(bytes, start, end); at < end; ) {
      const optionEnd = endOfToken(bytes, at, end);
      const size = optionEnd - at;
      const hash = hashOf(size, bytes[at]!, bytes[optionEnd - 1]!);
      for (let field = 0; field < this.table.count; field++) {
        if (this.table.hash(field) !== hash) continue;
        const [nameStart, id] = [this.table.lineStart(field), this.table.id(field)];
        // Upgrade is named wherever it is meant; what a trusted proxy tells is not taken away by a Connection that may be its client's.
        if (this.table.nameEnd(field) - nameStart !== size || id === UPGRADE || id === FORWARDING) continue;
        if (isSameIgnoringCase(bytes, at, base + nameStart, size)) this.table.drop(field);
      }
      at = nextElement(bytes, optionEnd, end);
    }
  }

  #malformed(detail: string): boolean {
    this.fail('ERR_REQUEST_MALFORMED', detail);
    return false;
  }
}
