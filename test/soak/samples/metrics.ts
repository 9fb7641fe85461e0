/** The balancer's own numbers, from the endpoint that its prometheus plugin serves. */
import { get } from 'node:http';

export interface OwnNumbers {
  inFlight: number;
  connectionsOpen: number;
  generation: number;
  /** Exchanges ended, all listeners and routes. */
  exchanges: number;
  /** Series in the scrape. */
  series: number;
}

const LIMIT_MS = 10_000;

export async function ownNumbers(port: number): Promise<OwnNumbers> {
  const text = await fetchText(port);
  const sums = new Map<string, number>();
  let series = 0;
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    series++;
    const name = /^[a-zA-Z0-9_:]+/.exec(line)![0];
    sums.set(name, (sums.get(name) ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1)));
  }
  const sum = (name: string): number => {
    const found = sums.get(name);
    if (found === undefined) throw new Error(`the metrics have no ${name}`);
    return found;
  };
  return {
    inFlight: sum('steelyard_backend_in_flight'), connectionsOpen: sum('steelyard_connections_open'), generation: sum('steelyard_generation'),
    exchanges: sum('steelyard_requests_total'), series,
  };
}

/** A connection of its own, closed by the server: it leaves nothing that would be counted. */
function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/metrics', agent: false, headers: { connection: 'close' }, timeout: LIMIT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => resolve(text)).on('error', reject);
    });
    request.on('error', reject).on('timeout', () => request.destroy(new Error(`the metrics did not come within ${LIMIT_MS} ms`)));
  });
}
