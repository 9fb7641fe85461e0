/** Before anything is measured: each proxy answers rightly, says who the client is, takes all backends, and keeps its connections to them. */
import { Agent, request } from 'node:http';
import { ORIGIN_BODY, type Origin } from './origin.ts';

const HOST = 'bench.example:8080';
/** Twice round the backends, and once more. */
const REQUESTS = 7;

/** @throws what is wrong, for all faults at once */
export async function verify(name: string, port: number, origin: Origin): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const faults: string[] = [];
    const plain = await get(agent, port, '/');
    if (plain.status !== 200 || plain.body !== ORIGIN_BODY) faults.push(`GET / gave ${plain.status} ${JSON.stringify(plain.body)}, not 200 ${JSON.stringify(ORIGIN_BODY)}`);
    const backends = new Set<number>();
    let keepsConnections = false;
    for (let i = 0; i < REQUESTS; i++) {
      const seen = new URLSearchParams((await get(agent, port, '/seen')).body.trim().replaceAll('\n', '&'));
      backends.add(Number(seen.get('backend')));
      keepsConnections ||= Number(seen.get('requests-on-connection')) > 1;
      const expected = { host: HOST, 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': HOST };
      if (i > 0) continue;
      for (const [field, value] of Object.entries(expected)) if (seen.get(field) !== value) faults.push(`the backend got ${field}: ${seen.get(field)}, not ${value}`);
    }
    const unused = origin.ports.filter((backend) => !backends.has(backend));
    if (unused.length > 0) faults.push(`${REQUESTS} requests reached only ${backends.size} of ${origin.ports.length} backends`);
    if (!keepsConnections) faults.push('it opens a connection to the backend for every request');
    if (faults.length > 0) throw new Error(`${name} does not do what is compared here: ${faults.join('; ')}`);
  } finally {
    agent.destroy();
  }
}

function get(agent: Agent, port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent, headers: { host: HOST } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.setTimeout(10_000, () => sent.destroy(new Error(`no answer to GET ${path} within 10 s`)));
    sent.end();
  });
}
