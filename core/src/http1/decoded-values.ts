/** Field values as strings: each decoded once for a head, however many plugins ask. */
import type { FieldTable } from './field-table.ts';

export class DecodedValues {
  /** By field; `undefined` = nobody has asked. */
  readonly #values: (string | undefined)[] = [];
  /** Behind the last one that is there. */
  #end = 0;

  of(field: number, table: FieldTable, raw: Buffer): string {
    const known = this.#values[field];
    if (known !== undefined) return known;
    const value = raw.toString('latin1', table.valueStart(field), table.valueEnd(field));
    while (this.#values.length <= field) this.#values.push(undefined);
    this.#values[field] = value;
    if (field >= this.#end) this.#end = field + 1;
    return value;
  }

  forget(): void {
    for (let field = 0; field < this.#end; field++) this.#values[field] = undefined;
    this.#end = 0;
  }
}
