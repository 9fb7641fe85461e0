/** What a backend says in the body of an answer about where the request came to: it tells why a balancer's tail is long. */

export interface Verdict {
  backend: number;
  /** An antagonist was there when the request arrived. */
  isSlow: boolean;
  /** Requests that were there before it. */
  rifMet: number;
}

/** All bodies are of one length, so that the end of an answer is known when its head is there. */
export const BODY_BYTES = 8;

export function toBody({ backend, isSlow, rifMet }: Verdict): string {
  return `${backend} ${isSlow ? 1 : 0} ${String(Math.min(rifMet, 9_999)).padStart(4, '0')}`;
}

/** @throws when it is none */
export function fromBody(body: string): Verdict {
  const found = /^(\d) ([01]) (\d{4})$/.exec(body);
  if (!found) throw new Error(`an answer's body is ${JSON.stringify(body)}, expected "<backend> <0 or 1> <requests met>" from a backend of this bench`);
  return { backend: Number(found[1]), isSlow: found[2] === '1', rifMet: Number(found[3]) };
}
