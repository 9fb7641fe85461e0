/** The names of fields that plugins edit: few, and the same for every request, so each is checked and made small once. */
import { SteelyardError } from '@steelyard/sdk';
import { hashOfName } from './field-names.ts';
import { TOKEN } from './grammar.ts';

/** What says where a message ends and which hop a field is for: only the core writes it. `Expect` decides when a body is sent. */
const FRAMING_NAMES: ReadonlySet<string> = new Set([
  'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'trailer', 'http2-settings', 'expect',
]);
/** A plugin may make names up without end: then the next ones begin anew. */
const MAX_KNOWN = 512;

export interface EditName {
  /** As the plugin writes it. */
  readonly text: string;
  readonly lowerCase: string;
  readonly hash: number;
  /** Name, colon and space, as they are sent. */
  readonly bytes: Buffer;
}

const known = new Map<string, EditName>();

/** @throws SteelyardError ERR_HEAD_EDIT when it is no token, or only the core may write it. */
export function editName(text: string): EditName {
  const name = known.get(text);
  if (name !== undefined) return name;
  const checked = { text: checkedName(text), lowerCase: text.toLowerCase(), hash: hashOfName(text), bytes: Buffer.from(`${text}: `, 'latin1') };
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, checked);
  return checked;
}

function checkedName(name: string): string {
  if (typeof name !== 'string' || name === '' || !isAll(TOKEN, name)) {
    refuseEdit(`${JSON.stringify(name)} is no field name`, "letters, digits and !#$%&'*+-.^_`|~ may stand in one");
  }
  if (FRAMING_NAMES.has(name.toLowerCase())) refuseEdit(`the field ${name} belongs to the connection or the framing`, 'only the core writes it');
  return name;
}

export function refuseEdit(message: string, hint: string): never {
  throw new SteelyardError('ERR_HEAD_EDIT', { source: 'plugin', message, hint });
}

/** Whether the text is all of one table. */
export function isAll(allowed: Uint8Array, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Beyond the table: `undefined`, which is as little allowed as 0.
    if (allowed[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
