/** Node's own parser (llhttp, strict), as a second opinion. Internal to Node, so behind one function; tests only. */
import { createRequire } from 'node:module';

export interface Opinion {
  /** The whole message was read. */
  isComplete: boolean;
  error: string;
  method: string;
  target: string;
  fields: [name: string, value: string][];
  bodyBytes: number;
}

interface Parser {
  [callback: number]: unknown;
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void;
  execute(bytes: Buffer): number | Error;
  finish(): unknown;
}
interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly kLenientNone: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as { HTTPParser: ParserClass; methods: readonly string[] };

export function askLlhttp(bytes: Buffer): Opinion {
  const opinion: Opinion = { isComplete: false, error: '', method: '', target: '', fields: [], bodyBytes: 0 };
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 1_000_000, HTTPParser.kLenientNone);
  const take = (flat: readonly string[]): void => {
    for (let i = 0; i < flat.length; i += 2) opinion.fields.push([flat[i]!, flat[i + 1]!]);
  };
  parser[HTTPParser.kOnHeaders] = (flat: readonly string[], url: string): void => {
    if (!opinion.isComplete) take(flat);
    opinion.target += url;
  };
  parser[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, flat: readonly string[] | undefined, method: number, url: string | undefined): number => {
    if (flat) take(flat);
    opinion.method = methods[method] ?? `method ${method}`;
    opinion.target ||= url ?? '';
    return 0;
  };
  parser[HTTPParser.kOnBody] = (chunk: Buffer): void => {
    opinion.bodyBytes += chunk.length;
  };
  parser[HTTPParser.kOnMessageComplete] = (): void => {
    opinion.isComplete = true;
  };
  const met = parser.execute(bytes);
  if (met instanceof Error) opinion.error = 'reason' in met ? String(met.reason) : met.message;
  return opinion;
}
