/**
 * `host.probe`: a TCP connect, or one HTTP/1.1 exchange on a connection of its own. Off the data path, so `node:http` does the parsing.
 * It settles when its socket is closed, not before: whoever awaited it left nothing open behind.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { SteelyardError, type Backend, type ProbeRequest, type ProbeResponse } from '@steelyard/sdk';

const DEFAULT_MAX_BODY_BYTES = 65_536;

/** A backend of the core knows the address that its name stands for now; the probe asks where the traffic goes. */
type Target = Backend & { readonly connectHost?: string };

/** What a probe came to: a response (none for a TCP connect), or why there is none. */
type Fate = { response: ProbeResponse | undefined } | { error: unknown };

/**
 * @param request absent = connect only.
 * @throws SteelyardError ERR_PROBE, its message a sentence: `GET http://10.0.0.1:80/healthz: connection refused`. The signal's reason when it aborts.
 */
export function probe(backend: Target, request: ProbeRequest | undefined, signal: AbortSignal): Promise<ProbeResponse | undefined> {
  if (signal.aborted) return Promise.reject(asError(signal.reason));
  const what = request === undefined ? `connect to ${backend.address}` : `${request.method ?? 'GET'} http://${backend.address}${request.path ?? '/'}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: backend.connectHost ?? backend.host, port: backend.port });
    let fate: Fate | undefined;
    let isClosed = false;

    const settleOnceClosed = (): void => {
      if (!isClosed || fate === undefined) return;
      if ('error' in fate) reject(asError(fate.error));
      else resolve(fate.response);
    };
    const end = (how: Fate): void => {
      fate ??= how;
      socket.destroy();
      settleOnceClosed();
    };
    const fail = (cause: unknown): void => end({ error: new SteelyardError('ERR_PROBE', { message: `${what}: ${sentenceOf(cause)}`, source: 'upstream', cause }) });
    const onAbort = (): void => end({ error: signal.reason });

    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('close', () => {
      isClosed = true;
      signal.removeEventListener('abort', onAbort);
      settleOnceClosed();
    });
    if (request === undefined) {
      socket.once('connect', () => end({ response: undefined }));
      socket.once('error', fail);
    } else {
      exchange(socket, backend, request, (response) => end({ response }), fail);
    }
  });
}

/** One request and its response over `socket`. Tells `done` or `fail`, perhaps several times: the first counts. */
function exchange(socket: Socket, backend: Backend, probeRequest: ProbeRequest, done: (response: ProbeResponse) => void, fail: (cause: unknown) => void): void {
  // A connection of its own has nothing to keep alive: the backend may close when it has answered.
  const headers: Record<string, string> = { host: hostOf(backend), 'user-agent': 'steelyard-probe', ...lowerCased(probeRequest.headers), connection: 'close' };
  try {
    // With `createConnection` and no agent named, node:http uses this socket alone; `agent: false` would make it open another.
    const outgoing = httpRequest({ method: probeRequest.method ?? 'GET', path: probeRequest.path ?? '/', headers, setHost: false, createConnection: () => socket });
    let hasHead = false;
    outgoing.once('response', (incoming) => {
      hasHead = true;
      collect(incoming, probeRequest.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES, done, fail);
    });
    // No `once`: what fails after the first fault must find a listener too.
    outgoing.on('error', fail);
    // With a head, the incoming message tells its own end, which may come after the socket's.
    outgoing.once('close', () => hasHead || fail(new Error('the connection was closed without an answer')));
    outgoing.end();
  } catch (cause) {
    // node:http throws at once for a path or a header that must not be sent.
    fail(cause);
  }
}

/** The head and at most `maxBytes` of the body. What is behind them is not read: `done` destroys the socket. */
function collect(incoming: IncomingMessage, maxBytes: number, done: (response: ProbeResponse) => void, fail: (cause: unknown) => void): void {
  const chunks: Buffer[] = [];
  let room = maxBytes;
  const complete = (): void => done({ status: incoming.statusCode ?? 0, headers: joinedHeaders(incoming), body: textOf(chunks) });

  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, room));
    room -= chunk.length;
    if (room <= 0) complete();
  });
  incoming.once('end', complete);
  // A connection that closes too early is an error of the message too.
  incoming.on('error', fail);
  if (maxBytes === 0) complete();
}

/** A character cut in two by the byte limit is left out. */
function textOf(chunks: readonly Buffer[]): string {
  return new TextDecoder().decode(Buffer.concat(chunks), { stream: true });
}

function joinedHeaders(incoming: IncomingMessage): Record<string, string> {
  const joined = Object.create(null) as Record<string, string>;
  for (const [name, values] of Object.entries(incoming.headersDistinct)) joined[name] = (values ?? []).join(', ');
  return joined;
}

/** Without the scheme's own port, as the data path writes it and as clients do (RFC 9110 §7.2). */
function hostOf(backend: Backend): string {
  return backend.port === 80 ? backend.address.replace(/:80$/, '') : backend.address;
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** Errors of the system and of node:http in the words of an operator. */
const SENTENCES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed while the request was sent',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'no local address or port left to connect from',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name cannot be resolved now',
  EMFILE: 'this process has too many open files',
  HPE_HEADER_OVERFLOW: 'the head of the answer is too long',
};

function sentenceOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  // node:http says ECONNRESET of its own for an orderly close without an answer; only a system call names itself.
  if (code === 'ECONNRESET' && !('syscall' in cause)) return cause.message === 'aborted' ? 'the connection was closed in the middle of the answer' : 'the connection was closed without an answer';
  const known = SENTENCES[code];
  if (known !== undefined) return known;
  return code.startsWith('HPE_') ? `the answer is no HTTP/1.1 (${cause.message.replace(/^Parse Error: /, '')})` : cause.message;
}

/** A signal may be aborted with anything; an awaiting caller gets an Error. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new SteelyardError('ERR_PROBE', { message: String(reason) });
}
