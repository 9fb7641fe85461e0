/** `httpCheck()`: asks each backend for a page and holds the answer against what is expected. */
import { defineHealthCheck, SteelyardError, type ProbeResponse, type Resolved } from '@steelyard/sdk';
import { parseStatuses } from './statuses.ts';

export interface HttpCheckOptions {
  /** Path and query that are asked for. Default `/`. */
  path?: string;
  /** `HEAD` spares the body. Default `GET`. */
  method?: 'GET' | 'HEAD' | 'OPTIONS' | 'POST';
  /** `Host` of the request; `null` (default) = the backend's own address. */
  host?: string | null;
  /** Sent with the request, a key for the health page perhaps: no report shows the values. Default: none. */
  headers?: Readonly<Record<string, string>>;
  /** Statuses that are good: `204`, `'200-299'`, or a list of both. Default `'200-399'`. Redirects are not followed. */
  expectStatus?: number | string | readonly (number | string)[];
  /**
   * A string that the body must contain, or a function that says whether the body is good; it sees the first 65,536 bytes, and may be async within `timeoutMs`.
   * `null` (default) = any body.
   */
  expectBody?: string | ((body: string) => boolean | Promise<boolean>) | null;
  /** Headers of the answer: a string = exactly this value, `true` = it is there, `false` = it is not. Default: any. */
  expectHeaders?: Readonly<Record<string, string | boolean>>;
  /** Between the starts of two checks of a backend. Milliseconds, 10 to 86,400,000; default 2,000. */
  intervalMs?: number;
  /** Share of the interval by which each check is moved at random, 0 to 1; default 0.1. With 0, checks of many backends stay in step. */
  jitter?: number;
  /** No complete answer by then is a failure. Milliseconds, 1 to 3,600,000; default 1,000. */
  timeoutMs?: number;
  /** Good checks in a row before a marked backend gets traffic again. 1 to 1,000; default 2. */
  rise?: number;
  /** Failed checks in a row before a backend gets no traffic. 1 to 1,000; default 3. */
  fall?: number;
}

const STATUS = { type: 'integer', minimum: 100, maximum: 599 } as const;
const STATUS_RANGE = { type: 'string', pattern: '^[1-5][0-9]{2}(-[1-5][0-9]{2})?$' } as const;

export default defineHealthCheck<HttpCheckOptions>({
  name: 'http-check',
  description: 'active check: status, body and headers of a page',
  options: {
    path: { type: 'string', pattern: '^/', default: '/' },
    method: { type: 'string', enum: ['GET', 'HEAD', 'OPTIONS', 'POST'], default: 'GET' },
    host: { type: 'string', minLength: 1, nullable: true, default: null },
    headers: { type: 'object', values: { type: 'string', secret: true }, default: {} },
    expectStatus: { anyOf: [STATUS, STATUS_RANGE, { type: 'array', minItems: 1, items: { anyOf: [STATUS, STATUS_RANGE] } }], default: '200-399' },
    expectBody: { anyOf: [{ type: 'string', minLength: 1 }, { type: 'function' }], nullable: true, default: null },
    expectHeaders: { type: 'object', values: { anyOf: [{ type: 'string' }, { type: 'boolean' }] }, default: {} },
    intervalMs: { type: 'integer', minimum: 10, maximum: 86_400_000, default: 2000 },
    jitter: { type: 'number', minimum: 0, maximum: 1, default: 0.1 },
    timeoutMs: { type: 'integer', minimum: 1, maximum: 3_600_000, default: 1000 },
    rise: { type: 'integer', minimum: 1, maximum: 1000, default: 2 },
    fall: { type: 'integer', minimum: 1, maximum: 1000, default: 3 },
  },
  create(options, host) {
    const { path, method, headers } = options;
    const faultOf = expectation(options);
    const request = { method, path, headers: options.host === null ? headers : { ...withoutHost(headers), host: options.host } };
    return {
      schedule: options,
      async probe(backend, signal) {
        // With a request, `host.probe` resolves with a response.
        const response = (await host.probe(backend, request, signal)) as ProbeResponse;
        const fault = await faultOf(response);
        if (fault !== undefined) throw new SteelyardError('ERR_PROBE', { message: `${method} ${path} answered ${response.status}${fault}`, source: 'upstream' });
      },
    };
  },
});

/** What is wrong with an answer, as the end of a sentence that began with its status; `undefined` = nothing. */
function expectation({ method, expectStatus, expectBody, expectHeaders }: Resolved<HttpCheckOptions>): (response: ProbeResponse) => Promise<string | undefined> {
  if (method === 'HEAD' && expectBody !== null) {
    throw new SteelyardError('ERR_PLUGIN_OPTIONS', { message: "http-check: expectBody with method: 'HEAD', whose answer has no body", hint: "take method: 'GET'", source: 'config' });
  }
  const statuses = parseStatuses(expectStatus);
  const fields = Object.entries(expectHeaders).map(([name, value]) => [name.toLowerCase(), value] as const);
  return async ({ status, headers, body }) => {
    if (!statuses.include(status)) return `, expected ${statuses.text}`;
    for (const [name, expected] of fields) {
      const fault = headerFault(name, headers[name], expected);
      if (fault !== undefined) return fault;
    }
    if (typeof expectBody === 'string' && !body.includes(expectBody)) return ` without ${JSON.stringify(expectBody)} in its body`;
    // Awaited, whatever it is: a promise is true, so that each body would be good.
    if (typeof expectBody === 'function' && !(await expectBody(body))) return ' with a body that expectBody refuses';
    return undefined;
  };
}

function headerFault(name: string, value: string | undefined, expected: string | boolean): string | undefined {
  if (expected === false) return value === undefined ? undefined : ` with the header ${name}, expected none`;
  if (value === undefined) return ` without the header ${name}`;
  return expected === true || value === expected ? undefined : ` with ${name}: ${value}, expected ${expected}`;
}

function withoutHost(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host'));
}
