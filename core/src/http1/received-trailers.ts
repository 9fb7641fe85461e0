/** The trailer section of a response, for plugins: what came, whether or not it may be sent on. */
import type { Trailers } from '@steelyard/sdk';
import { askedName } from './asked-names.ts';
import { FieldTable } from './field-table.ts';

/** Read anew at each look-up: hardly any response has trailers, and of those hardly any plugin asks for more than one. */
const table = new FieldTable();

export class ReceivedTrailers implements Trailers {
  readonly #section: Buffer;

  /** @param section well-formed field lines and the empty line behind them; never written again */
  constructor(section: Buffer) {
    this.#section = section;
  }

  header(name: string): string | undefined {
    const section = this.#section;
    table.scan(section, 0, 0, section.length, Infinity);
    const asked = askedName(name);
    let found: string | undefined;
    for (let field = table.find(asked, 0, section); field >= 0; field = table.find(asked, field + 1, section)) {
      const value = section.toString('latin1', table.valueStart(field), table.valueEnd(field));
      found = found === undefined ? value : `${found}, ${value}`;
    }
    return found;
  }
}
