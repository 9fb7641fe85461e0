/** `prometheus()`: serves every number of the balancer for a Prometheus server to scrape, on a port of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { defineExporter, describeError } from '@steelyard/sdk';
import type { Host, MetricsSnapshot } from '@steelyard/sdk';
import { CONTENT_TYPE, faultOf, renderFamilies } from './text-format.ts';

export interface PrometheusOptions {
  /** 0 to 65,535; 0 = any free port, which the log names. Default 9464. */
  port?: number;
  /** Address to bind. Default `127.0.0.1`: the numbers tell who your backends are. `0.0.0.0` or `::` where the scraper is elsewhere. */
  host?: string;
  /** Where the numbers are; every other path is a 404. Default `/metrics`. */
  path?: string;
  /**
   * More text in the exposition format, put behind the balancer's own: `append: () => register.metrics()` for the default registry
   * of prom-client. Its families must not begin with `steelyard_`. A failure is logged, and the scrape goes on without it. Default: none.
   */
  append?: () => string | Promise<string>;
}

export default defineExporter<PrometheusOptions>({
  name: 'prometheus',
  description: 'serves metrics in the Prometheus text format',
  options: {
    port: { type: 'integer', minimum: 0, maximum: 65_535, default: 9464 },
    host: { type: 'string', minLength: 1, default: '127.0.0.1' },
    path: { type: 'string', pattern: '^/[^?#\\s]*$', default: '/metrics' },
    append: { type: 'function', default: () => '' },
  },
  async start({ port, host: address, path, append }, host, snapshot) {
    const bound = await host.serve({ host: address, port }, (request, response) => answer(request, response, path, () => render(host, snapshot, append)));
    const authority = bound.host.includes(':') ? `[${bound.host}]` : bound.host;
    host.log.info({ url: `http://${authority}:${bound.port}${path}` }, 'metrics are served');
  },
});

async function answer(request: IncomingMessage, response: ServerResponse, path: string, body: () => Promise<string>): Promise<void> {
  // A scraper may add a query (`params:` in Prometheus): it asks for the same page.
  const asked = (request.url ?? '').split('?', 1)[0];
  if (asked !== path) return send(response, 404, 'text/plain; charset=utf-8', `not found; the metrics are at ${path}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD\n');
  }
  send(response, 200, CONTENT_TYPE, await body());
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  response.writeHead(status, { 'content-type': contentType, 'content-length': bytes.length, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  // For HEAD node:http sends the head alone.
  response.end(bytes);
}

async function render(host: Host, snapshot: () => Promise<MetricsSnapshot>, append: () => string | Promise<string>): Promise<string> {
  const { families } = await snapshot();
  const sound = families.filter((family) => {
    const fault = faultOf(family);
    if (fault !== '') host.log.warn({ family: family.name, fault }, 'a metric family is left out of the scrape');
    return fault === '';
  });
  return renderFamilies(sound) + (await appended(host, append));
}

async function appended(host: Host, append: () => string | Promise<string>): Promise<string> {
  try {
    const text = await append();
    return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  } catch (thrown) {
    host.log.warn({ error: describeError(thrown) }, 'option `append` failed; the scrape goes on without it');
    return '';
  }
}
