/** Field lines by the grammar of RFC 9110 §5 and the field definitions of §7, with what they mean for the connection. */
import type { Field } from './meaning.ts';
import type { Random } from './random.ts';

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const VALUE = '!"#$%&\'()*+,-./0123456789:;<=>?@ABCXYZ[\\]^_`abcxyz{|}~ \t\x80\x8a\x8d\xa0\xff';
const DIGITS = '0123456789';
const NAME = 'abcdefghijklmnopqrstuvwxyz0123456789-._~';
const NAMES = [
  'Accept', 'User-Agent', 'Cookie', 'Set-Cookie', 'Via', 'Date', 'Server', 'Range', 'TE', 'Trailer', 'Keep-Alive', 'Proxy-Authorization', 'Forwarded', 'X-Forwarded-For', 'X_Forwarded_For', 'X-Forwarded-Host',
  'X', 'x-a', 'Content-Type', 'Content-Encoding', 'Content_Length', 'Content-Lengt', 'Transfer-Encodin', 'Hosts', 'Max-Forwards', 'Age', 'Location',
];
/** Names with rules that a random field must not meet by chance. */
const RULED = /^(host|content-length|transfer-encoding|connection|proxy-connection|upgrade|expect|http2-settings)$/i;

export function token(random: Random, most = 12): string {
  return random.text(TOKEN, 1, most);
}
/** RFC 9110 §5.6.3, mostly one space. */
export function space(random: Random): string {
  return random.oneIn(3) ? random.text(' \t', 0, 3) : ' ';
}
/** field-value: no white space at its ends, empty at times. */
export function fieldValue(random: Random): string {
  return random.text(VALUE, 0, random.oneIn(20) ? 400 : 24).replace(/^[ \t]+|[ \t]+$/g, '');
}
export function randomCase(random: Random, text: string): string {
  let mixed = '';
  for (const letter of text) mixed += random.oneIn(2) ? letter.toUpperCase() : letter.toLowerCase();
  return mixed;
}
export function anyField(random: Random): Field {
  const name = random.oneIn(3) ? token(random) : random.pick(NAMES);
  return [RULED.test(name) ? 'X-Instead' : name, fieldValue(random)];
}
/** The line of a field, with the white space that may stand around its value. */
export function fieldLine(random: Random, [name, value]: Field): string {
  return `${name}:${space(random)}${value}${random.oneIn(4) ? space(random) : ''}\r\n`;
}

/** RFC 3986 §3.2.2 and §3.2.3: host and perhaps a port. */
export function authority(random: Random): string {
  const kind = random.below(8);
  let host: string;
  if (kind === 0) host = `${random.below(256)}.${random.below(256)}.${random.below(256)}.${random.below(256)}`;
  else if (kind === 1) host = random.pick(['[::1]', '[2001:db8::7]', '[::ffff:192.0.2.1]', '[1:2:3:4:5:6:7:8]']);
  else if (kind === 2) host = `${random.text(NAME, 1, 6)}%${random.text('0123456789abcdefABCDEF', 2, 2)}${random.text("!$&'()*+,;=", 0, 3)}`;
  else host = `${random.text(NAME, 1, 10)}.example`;
  if (random.oneIn(3)) host += `:${random.pick(['', '0', '80', '65535', '00443', String(random.below(65_536))])}`;
  return random.oneIn(4) ? host.toUpperCase() : host;
}

export interface ConnectionMeant {
  fields: Field[];
  saysClose: boolean;
  saysKeepAlive: boolean;
  wantsUpgrade: boolean;
  /** All protocols named may be passed on. */
  hasPassableUpgrade: boolean;
}

/** Connection and Upgrade (RFC 9110 §7.6.1 and §7.8), as lists that may have empty elements. */
export function connection(random: Random): ConnectionMeant {
  const meant: ConnectionMeant = { fields: [], saysClose: false, saysKeepAlive: false, wantsUpgrade: false, hasPassableUpgrade: false };
  if (random.oneIn(6)) meant.fields.push([random.pick(['Upgrade', 'upgrade', 'UPGRADE']), upgradeValue(random, meant)]);
  for (let fields = random.few(2); fields > 0; fields--) {
    const options: string[] = [];
    for (let left = random.few(4); left > 0; left--) options.push(random.pick(['close', 'keep-alive', 'upgrade', 'X-Named', 'te', 'keep-alive', '']));
    meant.saysClose ||= options.includes('close');
    meant.saysKeepAlive ||= options.includes('keep-alive');
    meant.wantsUpgrade ||= options.includes('upgrade');
    const value = options.map((option) => (random.oneIn(3) ? randomCase(random, option) : option)).join(random.pick([', ', ',', ' ,\t']));
    meant.fields.push(['Connection', value.replace(/^[ \t]+|[ \t]+$/g, '')]);
  }
  return meant;
}

function upgradeValue(random: Random, meant: ConnectionMeant): string {
  const protocols: string[] = [];
  for (let left = random.between(1, 3); left > 0; left--) protocols.push(random.pick(['websocket', 'websocket', 'TLS/1.0', 'IRC/6.9', 'h2c', 'HTTP/2.0']));
  meant.hasPassableUpgrade = !protocols.some((protocol) => ['h2c', 'HTTP/2.0', 'TLS/1.0'].includes(protocol));
  return protocols.join(random.pick([', ', ',']));
}

export function digits(random: Random, most: number): string {
  return random.text(DIGITS, 1, most);
}
