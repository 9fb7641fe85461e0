/** Message heads of plain strings, with the look-ups and the refusals of the real ones. */
import { SteelyardError } from '../errors.ts';
import type { HeadFields, RequestHead, ResponseHead } from '../model.ts';

/**
 * Fields as a test writes them; a list stands for several fields of the name.
 * @example
 * import type { FakeHeaders } from '@steelyard/sdk/testkit';
 * const headers: FakeHeaders = { Accept: 'text/html', 'Set-Cookie': ['a=1', 'b=2'] };
 */
export type FakeHeaders = Readonly<Record<string, string | readonly string[]>>;

// RFC 9110 §5.6.2: token. Framing and hop-by-hop fields (RFC 9110 §7.6.1) are the core's.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FRAMING = new Set([
  'connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
]);

class FakeFields implements HeadFields {
  #fields: [name: string, value: string][] = [];

  constructor(headers: FakeHeaders) {
    for (const [name, value] of Object.entries(headers)) {
      for (const each of typeof value === 'string' ? [value] : value) this.#fields.push([name, each.trim()]);
    }
  }

  header(name: string): string | undefined {
    return this.hasHeader(name) ? this.headerValues(name).join(', ') : undefined;
  }
  headerValues(name: string): string[] {
    return this.#fields.filter(([field]) => isSame(field, name)).map(([, value]) => value);
  }
  hasHeader(name: string): boolean {
    // No closure: benches of strategies count what a pick allocates.
    for (const [field] of this.#fields) if (isSame(field, name)) return true;
    return false;
  }
  headers(): [name: string, value: string][] {
    return this.#fields.map(([name, value]) => [name, value]);
  }
  setHeader(name: string, value: string): void {
    checkEdit(name, value);
    this.removeHeader(name);
    this.#fields.push([name, value]);
  }
  appendHeader(name: string, value: string): void {
    checkEdit(name, value);
    this.#fields.push([name, value]);
  }
  removeHeader(name: string): void {
    checkEdit(name, '');
    this.#fields = this.#fields.filter(([field]) => !isSame(field, name));
  }
}

/**
 * What a test says about a request; the rest is `GET / HTTP/1.1` to `example.org`.
 * @example
 * import type { FakeRequestSpec } from '@steelyard/sdk/testkit';
 * const upload: FakeRequestSpec = { method: 'PUT', target: '/file', headers: { Host: 'files.example.org' } };
 * world().exchange(upload);
 */
export interface FakeRequestSpec {
  method?: string;
  /** Path and query. */
  target?: string;
  /** `Host` is set from them. Default `example.org`. */
  headers?: FakeHeaders;
  version?: '1.0' | '1.1';
}

/**
 * The request of an exchange. It refuses the edits that the core refuses.
 * @example
 * const request: FakeRequestHead = world().exchange({ target: '/a?x=1' }).request;
 * request.setTarget('/b');
 * request.path; // '/b'
 */
export class FakeRequestHead extends FakeFields implements RequestHead {
  readonly method: string;
  readonly version: '1.0' | '1.1';
  #target: string;

  constructor(spec: FakeRequestSpec) {
    const namesHost = Object.keys(spec.headers ?? {}).some((name) => isSame(name, 'host'));
    super(namesHost ? spec.headers! : { Host: 'example.org', ...spec.headers });
    this.method = spec.method ?? 'GET';
    this.version = spec.version ?? '1.1';
    this.#target = spec.target ?? '/';
  }

  get target(): string {
    return this.#target;
  }
  get path(): string {
    return this.#target.split('?', 1)[0]!;
  }
  get query(): string {
    return this.#target.slice(this.path.length + 1);
  }
  get host(): string {
    return (this.header('host') ?? '').toLowerCase();
  }
  setTarget(target: string): void {
    // RFC 9112 §3.2.1: origin-form; visible ASCII only.
    if (!/^\/[\x21-\x7e]*$/.test(target)) throw refused(`the target ${JSON.stringify(target)} does not begin with / or holds a forbidden character`);
    this.#target = target;
  }
}

/**
 * A response head, for `onHead` and `onResponseHead`. It refuses the edits that the core refuses.
 * @example
 * const head: FakeResponseHead = world().responseHead(200, { Server: 'x' });
 * head.removeHeader('server');
 */
export class FakeResponseHead extends FakeFields implements ResponseHead {
  readonly status: number;

  constructor(status: number, headers: FakeHeaders) {
    super(headers);
    this.status = status;
  }
}

function isSame(field: string, name: string): boolean {
  return field.length === name.length && field.toLowerCase() === name.toLowerCase();
}

function checkEdit(name: string, value: string): void {
  if (!TOKEN.test(name)) throw refused(`the header name ${JSON.stringify(name)} is no token`);
  if (FRAMING.has(name.toLowerCase())) throw refused(`${name} is framing, which the core alone writes`);
  if (/[\r\n\0]/.test(value)) throw refused(`the value of ${name} holds CR, LF or NUL`);
}

function refused(message: string): SteelyardError {
  return new SteelyardError('ERR_HEAD_EDIT', { message, source: 'plugin' });
}
