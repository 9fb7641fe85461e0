/**
 * `trace({ over })`: says why a request went where it went: who was eligible, with what load and what score, and who was left out and why. As a log line for a share of the
 * requests, and as a response header for clients that may see it.
 *
 * A pick that is not traced costs one draw, and one look at the client's address where a header is offered; one that is traced, a look at the whole pool and a string.
 */
import { BlockList, isIP } from 'node:net';
import { defineStrategy, Pickers, SteelyardError, type AnyStrategyUse, type Exchange } from '@steelyard/sdk';
import { describeHeader, explain } from './explain.ts';

export interface TraceOptions {
  /** Picks, and is explained. */
  over: AnyStrategyUse;
  /** Share of picks that are logged, 0 to 1. Default 0.01. */
  logShare?: number;
  /** Header of the responses to clients of `allow`. Default `x-steelyard-trace`. */
  header?: string;
  /** Addresses or CIDR ranges of clients that are sent the header: it names backends. Default none. */
  allow?: readonly string[];
}

export default defineStrategy<TraceOptions, 'any', 'inner'>({
  name: 'trace',
  description: 'says why a request went where it went, in the log or in a response header',
  kind: 'inner',
  options: {
    over: { type: 'strategy', description: 'picks, and is explained' },
    logShare: { type: 'number', minimum: 0, maximum: 1, default: 0.01, description: 'share of picks that are logged' },
    header: { type: 'string', pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", default: 'x-steelyard-trace', description: 'header of the responses to clients that may see it' },
    allow: { type: 'array', items: { type: 'string' }, default: [], description: 'addresses or CIDR ranges of those clients' },
  },
  create({ over, logShare, header, allow }, host) {
    const inner = host.strategy(over);
    const pickers = new Pickers([inner]);
    const { onStart, onHead, ...callbacks } = pickers.callbacks();
    const allowed = addressesOf(allow);
    const isShown = ({ clientAddress, protocol }: Exchange): boolean =>
      allow.length > 0 && protocol === 'http' && allowed.check(clientAddress, isIP(clientAddress) === 6 ? 'ipv6' : 'ipv4');
    /** For the response of the last pick; '' = none. */
    let shown = '';
    /** The same by lease. */
    const shownBySlot: string[] = [];
    return {
      update: (members) => inner.update(members),
      select(exchange, pool) {
        // Before the pick: a strategy may change what it looks at.
        const isLogged = logShare > 0 && host.random() < logShare;
        const isForClient = isShown(exchange);
        if (!isLogged && !isForClient) {
          shown = '';
          return pickers.select(inner, exchange, pool);
        }
        // No closure over the exchange here: V8 would make its context at every pick, those that are not traced too.
        const explanation = explain(pool, inner, exchange);
        const picked = pickers.select(inner, exchange, pool);
        shown = isForClient ? describeHeader(inner.name, picked, explanation) : '';
        if (isLogged) host.log.info({ pool: pool.name, exchange: exchange.id, attempt: exchange.attempts + 1, strategy: inner.name, picked: picked?.id ?? null, ...explanation }, 'picked');
        return picked;
      },
      onStart(lease) {
        shownBySlot[lease.slot] = shown;
        onStart(lease);
      },
      onHead(lease, head) {
        onHead(lease, head);
        const text = shownBySlot[lease.slot];
        if (text) head.setHeader(header, text);
      },
      ...callbacks,
    };
  },
});

function addressesOf(allow: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of allow) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    const most = family === 6 ? 128 : 32;
    if (family === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most))) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', {
        message: `trace: allow holds ${JSON.stringify(entry)}, which is no address and no CIDR range`, hint: 'write "10.0.0.0/8" or "192.0.2.1"', source: 'config',
      });
    }
    list.addSubnet(address, bits === undefined ? most : Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
