/** TCP: row 71. A script of what each end does and must see, in order; at the end each has got exactly what the other sent. */

export type End = 'client' | 'origin';
export type TcpStep =
  /** Sends these bytes. */
  | readonly [who: End, does: 'sends', text: string]
  /** Says FIN, or resets the connection. */
  | readonly [who: End, does: 'ends' | 'resets']
  /** Waits until it has got so many bytes, or until the other's FIN or reset has come through. */
  | readonly [who: End, does: 'gets', bytes: number]
  | readonly [who: End, does: 'sees end' | 'sees reset'];

export interface TcpCase {
  readonly row: 71;
  readonly name: string;
  readonly rfc: string;
  readonly steps: readonly TcpStep[];
}

const EVERY_BYTE = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('');

/** The client has sent, and the origin has got it: both are connected. */
const BOTH: readonly TcpStep[] = [['client', 'sends', 'hello'], ['origin', 'gets', 5]];

function row71(name: string, ...steps: readonly TcpStep[]): TcpCase {
  return { row: 71, name, rfc: 'RFC 9293 §3.6', steps };
}

export const tcp: readonly TcpCase[] = [
  row71('the client speaks first', ['client', 'sends', 'hello'], ['origin', 'gets', 5], ['origin', 'sends', 'good day'], ['client', 'gets', 8]),
  row71('the backend speaks first', ['origin', 'sends', '220 ready\r\n'], ['client', 'gets', 11], ['client', 'sends', 'EHLO\r\n'], ['origin', 'gets', 6]),
  row71('every byte passes, both ways', ['client', 'sends', EVERY_BYTE], ['origin', 'gets', 256], ['origin', 'sends', EVERY_BYTE], ['client', 'gets', 256]),
  row71('bad HTTP is bytes as any', ['client', 'sends', 'GET / HTTP/1.1\nContent-Length : -5\r\n\r\n'], ['origin', 'gets', 37], ['origin', 'sends', 'HTTP/9.9 000\0\r\n'], ['client', 'gets', 15]),
  row71('a PROXY header that is garbage is bytes as any', ['client', 'sends', 'PROXY TCP4 999.1.1.1 x y z\r\n\r\n\0\r\nQUIT\n\x21\xff\xff'], ['origin', 'gets', 41]),
  row71('what came before the backend is connected, with its FIN', ['client', 'sends', 'hello'], ['client', 'ends'], ['origin', 'gets', 5], ['origin', 'sees end'], ['origin', 'sends', 'late answer'], ['client', 'gets', 11], ['origin', 'ends'], ['client', 'sees end']),
  row71('a FIN of the client: the backend may go on sending', ...BOTH, ['client', 'ends'], ['origin', 'sees end'], ['origin', 'sends', 'still here'], ['client', 'gets', 10], ['origin', 'ends'], ['client', 'sees end']),
  row71('a FIN of the backend: the client may go on sending', ...BOTH, ['origin', 'sends', 'bye'], ['origin', 'ends'], ['client', 'sees end'], ['client', 'sends', 'still here'], ['origin', 'gets', 15], ['client', 'ends'], ['origin', 'sees end']),
  row71('a FIN without a byte', ['client', 'ends'], ['origin', 'sees end'], ['origin', 'ends'], ['client', 'sees end']),
  row71('bytes and FIN of both at once', ...BOTH, ['client', 'sends', ' and bye'], ['client', 'ends'], ['origin', 'sends', 'bye too'], ['origin', 'ends'], ['client', 'sees end'], ['origin', 'sees end']),
  row71('a reset of the client', ...BOTH, ['client', 'resets'], ['origin', 'sees reset']),
  row71('a reset of the backend', ...BOTH, ['origin', 'resets'], ['client', 'sees reset']),
  row71('a reset of the client behind the FIN of the backend', ...BOTH, ['origin', 'ends'], ['client', 'sees end'], ['client', 'resets'], ['origin', 'sees reset']),
  row71('a reset of the backend behind the FIN of the client', ...BOTH, ['client', 'ends'], ['origin', 'sees end'], ['origin', 'resets'], ['client', 'sees reset']),
  row71('bytes right before a reset of the client arrive', ...BOTH, ['client', 'sends', 'more'], ['origin', 'gets', 9], ['client', 'resets'], ['origin', 'sees reset']),
];
