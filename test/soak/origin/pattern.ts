/** Bodies that tell whose they are: the id of the exchange, over and over. */
import { hash } from 'node:crypto';

export function patternOf(id: string, bytes: number): Buffer {
  return bytes === 0 ? Buffer.alloc(0) : Buffer.alloc(bytes, `${id}.`);
}

export function digestOf(body: Buffer): string {
  return hash('sha1', body, 'hex');
}
