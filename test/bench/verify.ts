/** Before anything is measured: each proxy does what is compared, and gives the right answer to what it will be asked for. */
import { Agent, request } from 'node:http';
import { ORIGIN_BODY, PAGES, type OriginPorts } from './origin.ts';

const HOST = 'bench.example:8080';
/** Twice round the backends, and once more. */
const REQUESTS = 7;
const ANSWER_LIMIT_MS = 30_000;
const UPLOAD_PART = Buffer.alloc(65_536, 'x');

export interface Client {
  get: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  post: (path: string, bodyBytes: number) => Promise<Answer>;
  origin: OriginPorts;
}

interface Answer {
  status: number;
  /** Bytes. */
  length: number;
  /** The beginning of the body, up to 4 KiB. */
  text: string;
  /** The proxy closes the connection after it. */
  isLast: boolean;
}

/** What is wrong, a line each; empty = nothing. */
export type Check = (client: Client) => Promise<string[]>;

/** @throws what is wrong, for all faults at once */
export async function verify(name: string, port: number, origin: OriginPorts, checks: readonly Check[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client: Client = { origin, get: (path, headers) => send(agent, port, 'GET', path, 0, headers), post: (path, bodyBytes) => send(agent, port, 'POST', path, bodyBytes) };
  try {
    const faults: string[] = [];
    for (const check of checks) faults.push(...(await check(client)));
    if (faults.length > 0) throw new Error(`${name} does not do what is compared here: ${faults.join('; ')}`);
  } finally {
    agent.destroy();
  }
}

export const getsSmall: Check = async ({ get }) => {
  const { status, text } = await get('/');
  return status === 200 && text === ORIGIN_BODY ? [] : [`GET / gave ${status} ${JSON.stringify(text)}, not 200 ${JSON.stringify(ORIGIN_BODY)}`];
};

/** It says who the client is, takes all backends, and keeps its connections to them and the client's to itself. */
export const passesHeaders: Check = async (client) => {
  const faults = await getsSmall(client);
  const expected = { host: HOST, 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': HOST };
  const { seen, backends, keepsBackends, isLast } = await lookAtBackends(client, {});
  for (const [field, value] of Object.entries(expected)) if (seen.get(field) !== value) faults.push(`the backend got ${field}: ${seen.get(field)}, not ${value}`);
  if (!/^1\.1 \S+$/.test(seen.get('via') ?? '')) faults.push(`the backend got via: ${seen.get('via')}, not 1.1 and a name`);
  if (backends < client.origin.length) faults.push(`${REQUESTS} requests reached only ${backends} of ${client.origin.length} backends`);
  if (!keepsBackends) faults.push('it opens a connection to the backend for every request');
  if (isLast) faults.push('it closes the client’s connection, which is to be kept');
  return faults;
};

/** A client that wants each connection closed gets that, and costs no connection to a backend. */
export const keepsBackendsOverCloses: Check = async (client) => {
  const { keepsBackends, isLast } = await lookAtBackends(client, { connection: 'close' });
  return [...(keepsBackends ? [] : ['a client’s Connection: close closes its connection to the backend']), ...(isLast ? [] : ['it keeps a connection that the client wants closed'])];
};

export const getsPage = (page: keyof typeof PAGES): Check => async ({ get }) => {
  const { status, length, text } = await get(`/${page}`);
  return status === 200 && length === PAGES[page] && text.startsWith('steelyard ') ? [] : [`GET /${page} gave ${status} with ${length} bytes, not 200 with ${PAGES[page]}`];
};

export const takesUpload = (bytes: number): Check => async ({ post }) => {
  const { status, text } = await post('/', bytes);
  return status === 200 && text === `bytes=${bytes}\n` ? [] : [`POST of ${bytes} bytes gave ${status} ${JSON.stringify(text)}`];
};

async function lookAtBackends({ get, origin }: Client, headers: Record<string, string>): Promise<{ seen: URLSearchParams; backends: number; keepsBackends: boolean; isLast: boolean }> {
  const backends = new Set<number>();
  let last: { seen: URLSearchParams; isLast: boolean } | undefined;
  let keepsBackends = false;
  for (let i = 0; i < REQUESTS; i++) {
    const { text, isLast } = await get('/seen', headers);
    const seen = new URLSearchParams(text.trim().replaceAll('\n', '&'));
    backends.add(Number(seen.get('backend')));
    keepsBackends ||= Number(seen.get('requests-on-connection')) > 1;
    last = { seen, isLast };
  }
  return { ...last!, backends: origin.filter((port) => backends.has(port)).length, keepsBackends };
}

function send(agent: Agent, port: number, method: string, path: string, bodyBytes: number, headers: Record<string, string> = {}): Promise<Answer> {
  const length = method === 'GET' ? {} : { 'content-length': String(bodyBytes) };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, agent, headers: { host: HOST, ...length, ...headers } }, (response) => {
      let received = 0;
      let text = '';
      response.on('data', (part: Buffer) => {
        received += part.length;
        if (text.length < 4_096) text += part.toString('latin1');
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, length: received, text: text.slice(0, 4_096), isLast: response.headers.connection === 'close' }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.setTimeout(ANSWER_LIMIT_MS, () => sent.destroy(new Error(`no answer to ${method} ${path} within ${ANSWER_LIMIT_MS} ms`)));
    let left = bodyBytes;
    const write = (): void => {
      while (left > 0) {
        const part = left < UPLOAD_PART.length ? UPLOAD_PART.subarray(0, left) : UPLOAD_PART;
        left -= part.length;
        if (!sent.write(part) && left > 0) return void sent.once('drain', write);
      }
      sent.end();
    };
    write();
  });
}
