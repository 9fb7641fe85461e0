/**
 * Field names as plugins give them. A plugin asks for the same few names at every request, so what is to be known of a name is found
 * out once: whether it is a token, its small letters, its hash, its bytes on the wire.
 */
import { FRAMING_NAMES, OTHER, hashOf, idOf } from './field-names.ts';
import { TOKEN } from './grammar.ts';

/** Far more than plugins write down in their code. Names that come from clients (a plugin copies all fields) may fill it: then it begins anew. */
const MOST_KEPT_NAMES = 1_024;
/** With the number above, some hundred KiB are all that it ever holds. */
const LONGEST_KEPT_NAME = 64;

export interface AskedName {
  /** As given; goes on the wire so. */
  readonly spelled: string;
  /** In small letters. */
  readonly key: string;
  /** The bytes of `key`; none where it is no token, so that it equals no field's. */
  readonly lower: Buffer;
  /** As `lower`, with dashes in place of underscores. */
  readonly alike: Buffer;
  /** As in the table of fields. */
  readonly hash: number;
  readonly id: number;
  /** It may stand in a head. */
  readonly isToken: boolean;
  /** Only the core writes it. */
  readonly isFraming: boolean;
  /** `Name: ` as it is written. */
  readonly prefix: Buffer;
}

const NO_BYTES = Buffer.alloc(0);
const kept = new Map<string, AskedName>();

/** Two calls with the same name may give different objects: compare by `isSameName`. @throws TypeError when it is no string */
export function askedName(spelled: string): AskedName {
  return kept.get(spelled) ?? learn(spelled);
}

export function isSameName(one: AskedName, other: AskedName): boolean {
  return one === other || (one.hash === other.hash && one.key === other.key);
}

function learn(given: string): AskedName {
  if (typeof given !== 'string') throw new TypeError(`a field name must be a string, not ${given === null ? 'null' : typeof given}`);
  // Nobody asks twice for what is always refused or not there.
  if (given === '' || !isAllToken(given)) return { spelled: given, key: '', lower: NO_BYTES, alike: NO_BYTES, hash: 0, id: OTHER, isToken: false, isFraming: false, prefix: NO_BYTES };
  if (given.length > LONGEST_KEPT_NAME) return nameOf(given);
  const spelled = asPropertyName(given);
  const name = nameOf(spelled);
  if (kept.size >= MOST_KEPT_NAMES) kept.clear();
  kept.set(spelled, name);
  return name;
}

function nameOf(spelled: string): AskedName {
  const key = asPropertyName(spelled.toLowerCase());
  const lower = Buffer.from(key, 'latin1');
  const hash = hashOf(lower.length, lower[0]!, lower.at(-1)!);
  return {
    spelled, key, lower, alike: Buffer.from(key.replaceAll('_', '-'), 'latin1'), hash, id: idOf(hash, lower, 0, lower.length), isToken: true, isFraming: FRAMING_NAMES.has(key), prefix: Buffer.from(`${spelled}: `, 'latin1'),
  };
}

/**
 * The engine's one copy of this text: literals in a plugin's code are that very object, so comparing is comparing pointers;
 * and a piece cut from a long string would hold all of it.
 */
function asPropertyName(text: string): string {
  return Object.keys({ [text]: true })[0]!;
}

function isAllToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    // Beyond the table: `undefined`, which is as little allowed as 0.
    if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  }
  return true;
}
