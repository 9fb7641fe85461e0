/** The client that must not notice: so many requests a second, sent when they are due, whether those before them are answered or not. */
import http from 'node:http';

export interface Figures {
  readonly requests: number;
  readonly errors: number;
  /** What went wrong, and how often. */
  readonly causes: Readonly<Record<string, number>>;
  /** Milliseconds, from when a request was due. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** One request in so many is made on a connection of its own: whoever comes anew has to get in. */
const FRESH_EVERY = 10;

/** @param isOver asked before each request. */
export async function ask(port: number, perSecond: number, isOver: () => boolean): Promise<Figures> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1_000 });
  const latencies: number[] = [];
  const causes: Record<string, number> = {};
  const startedAt = performance.now();
  let [sent, under] = [0, 0];
  const failed = (cause: string): void => void (causes[cause] = (causes[cause] ?? 0) + 1);
  const send = (dueAt: number): void => {
    under++;
    const request = http.get({ host: '127.0.0.1', port, path: '/', localAddress: '127.0.0.1', agent: sent % FRESH_EVERY === 0 ? false : agent }, (response) => {
      response.resume();
      response.once('end', () => {
        under--;
        latencies.push(performance.now() - dueAt);
        if (response.statusCode !== 200) failed(String(response.statusCode));
      });
    });
    request.once('error', (error) => {
      under--;
      failed('code' in error ? String(error.code) : error.message);
    });
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      for (const due = ((performance.now() - startedAt) * perSecond) / 1_000; sent < due; sent++) send(startedAt + (sent * 1_000) / perSecond);
      if (!isOver()) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  for (let waited = 0; under > 0 && waited < 50; waited++) await new Promise((resolve) => setTimeout(resolve, 100));
  if (under > 0) causes['no answer'] = under;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const quantile = (share: number): number => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? NaN;
  return { requests: sent, errors: Object.values(causes).reduce((sum, count) => sum + count, 0), causes, p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
}
