/**
 * `sticky({ secret, over })`: a client comes back to the backend that it had, by a signed cookie or header; the strategy inside picks for who is new, and
 * for whose backend is not available.
 *
 * Cookie insertion as in HAProxy, nginx and Caddy. `learn` waits for a cookie of the backend, as nginx's `sticky learn` does; nothing is remembered here. A pick of a known client costs reading the cookie and one look-up; others what they cost inside.
 */
import { defineStrategy, keyReader, Pickers, SteelyardError, type AnyStrategyUse, type Backend, type HttpExchange, type PoolView } from '@steelyard/sdk';
import { cookieValues, setCookie, setsCookie } from './cookies.ts';
import { Tokens, type Token } from './tokens.ts';

export interface StickyOptions {
  /** Picks for clients that are new or have lost their backend. */
  over: AnyStrategyUse;
  /** Signs what clients are given, 16 characters or more. Of a list the first one signs and all are accepted: put a new one in front, and take the old one out when its cookies have run out. */
  secret: string | readonly string[];
  /** Name of the cookie. Default `lb`. */
  cookie?: string;
  /** A header in place of the cookie, for clients that keep none: it comes with the response and is to be sent with each request. Default null. */
  header?: string | null;
  /**
   * Name of a cookie that the backends set themselves, such as `JSESSIONID`: a client is bound when a response sets it, for then a session has begun that lives
   * there. Until then each of its requests is picked as a new one's. Default null: bound by its first response.
   */
  learn?: string | null;
  /** Default `/`. */
  path?: string;
  /** Default '': the host of the request alone. */
  domain?: string;
  /** Sent by browsers over TLS only. Default false. */
  secure?: boolean;
  /** Not to be read by scripts. Default true. */
  httpOnly?: boolean;
  /** Default `lax`. `none` needs `secure`. */
  sameSite?: 'strict' | 'lax' | 'none';
  /** Seconds, 1 to 34,560,000 (400 days); null = until the browser is closed. Default null. */
  maxAgeS?: number | null;
}

/** A client is told where it is: it knows already, with this response, or with this one if it begins a session. */
const [ALREADY, NOW, WITH_SESSION] = [0, 1, 2];

const TOKEN = '^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$';
const SECRET = { type: 'string', minLength: 16, secret: true } as const;

export default defineStrategy<StickyOptions, 'http', 'inner'>({
  name: 'sticky',
  description: 'a client comes back to the backend that it had, by a signed cookie or header',
  protocol: 'http',
  kind: 'inner',
  options: {
    over: { type: 'strategy', description: 'picks for clients that are new or have lost their backend' },
    secret: { anyOf: [SECRET, { type: 'array', items: SECRET, minItems: 1 }], description: 'signs what clients are given; of a list the first one signs' },
    cookie: { type: 'string', pattern: TOKEN, default: 'lb', description: 'name of the cookie' },
    header: { type: 'string', pattern: TOKEN, nullable: true, default: null, description: 'a header in place of the cookie' },
    learn: { type: 'string', pattern: TOKEN, nullable: true, default: null, description: 'a cookie of the backends: who is given it is bound' },
    path: { type: 'string', pattern: '^/[ -:<-~]*$', default: '/', description: 'attribute of the cookie' },
    domain: { type: 'string', pattern: '^[0-9A-Za-z.-]*$', default: '', description: 'attribute of the cookie' },
    secure: { type: 'boolean', default: false, description: 'attribute of the cookie' },
    httpOnly: { type: 'boolean', default: true, description: 'attribute of the cookie' },
    sameSite: { type: 'string', enum: ['strict', 'lax', 'none'], default: 'lax', description: 'attribute of the cookie' },
    maxAgeS: { type: 'integer', minimum: 1, maximum: 34_560_000, nullable: true, default: null, description: 'attribute of the cookie' },
  },
  create({ over, secret, cookie, header, learn, ...attributes }, host) {
    if (attributes.sameSite === 'none' && !attributes.secure) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', { message: "sticky: sameSite is 'none' and secure is false: browsers drop such a cookie", hint: 'say secure: true', source: 'config' });
    }
    if (learn !== null && header === null && learn === cookie) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', { message: `sticky: learn and cookie are both '${cookie}'`, hint: 'learn names a cookie of the backends, cookie is ours: call them differently', source: 'config' });
    }
    const inner = host.strategy(over);
    const pickers = new Pickers([inner]);
    const { onStart, onHead, ...callbacks } = pickers.callbacks();
    const tokens = new Tokens(typeof secret === 'string' ? [secret] : secret);
    const picks = host.counter('sticky_picks_total', {
      help: 'Picks by what a client showed: kept = its backend, new = nothing, lost = a backend that is not available, or nothing that was signed here.', labels: ['pool', 'result'],
    });
    const kept = picks.labels(host.pool, 'kept');
    const fresh = picks.labels(host.pool, 'new');
    const lost = picks.labels(host.pool, 'lost');
    /** Whether the client of the last pick is told where it is. */
    let told = ALREADY;
    /** The same by lease. */
    const toldBySlot: number[] = [];

    const shown = keyReader(header === null ? { cookie } : { header });
    /** Of a client that shows several cookies of the name: one left from another path or domain must not stand in the way of ours for ever. */
    const another = ({ request }: HttpExchange, pool: PoolView): Token | undefined => {
      for (const value of cookieValues(request.headerValues('cookie'), cookie)) {
        const token = tokens.find(value);
        if (token !== undefined && pool.isAvailable(token.backend)) return token;
      }
      return undefined;
    };
    return {
      update(members) {
        tokens.setMembers(members);
        inner.update(members);
      },
      select(exchange, pool) {
        const value = shown(exchange);
        let token: Token | undefined = value === undefined ? undefined : tokens.find(value);
        if (token !== undefined && !pool.isAvailable(token.backend)) token = undefined;
        if (token === undefined && value !== undefined && header === null) token = another(exchange, pool);
        if (token !== undefined) {
          told = token.isCurrent ? ALREADY : NOW;
          // It hears of these too: a load that it does not know of would spoil its picks.
          pickers.picked(inner);
          kept.add();
          return token.backend;
        }
        const backend: Backend | undefined = pickers.select(inner, exchange, pool);
        told = learn === null ? NOW : WITH_SESSION;
        if (backend !== undefined) (value === undefined ? fresh : lost).add();
        return backend;
      },
      onStart(lease) {
        toldBySlot[lease.slot] = told;
        onStart(lease);
      },
      onHead(lease, head) {
        onHead(lease, head);
        const when = toldBySlot[lease.slot];
        if (when === ALREADY || (when === WITH_SESSION && !setsCookie(head.headerValues('set-cookie'), learn!))) return;
        const value = tokens.of(lease.backend);
        if (value === undefined) return;
        if (header === null) head.appendHeader('set-cookie', setCookie(cookie, value, attributes));
        else head.setHeader(header, value);
      },
      ...callbacks,
    };
  },
});
