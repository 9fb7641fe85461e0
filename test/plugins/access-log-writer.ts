/** Writes 2,000 access log lines of very different length to standard output, and ends without a stop while the last wait in a batch. */
import type { Exchange, PluginDefinition, Result } from '@steelyard/sdk';
import { world } from '@steelyard/sdk/testkit';
import accessLog from '@steelyard/plugins/access-log';
import type { AccessLogOptions } from '@steelyard/plugins/access-log';
import type { Sink } from '../../plugins/access-log/sink.ts';

const w = world();
const host = w.host('access-log');
const { definition } = accessLog();
await (definition as unknown as PluginDefinition<AccessLogOptions>).setup(
  { format: 'json', destination: 'stdout', query: false, user: false, flushMs: 100 },
  host,
);
const result = { status: 200, attempts: 1, answeredBy: 'backend', code: '', bytesFromClient: 0, bytesToClient: 1, firstByteMs: 1, durationMs: 1 } as Result;
for (let i = 0; i < 2000; i++) {
  const request = { method: 'GET', target: `/${i}`, version: '1.1', host: 'h', header: () => 'x'.repeat((i * 37) % 1300) };
  w.hooks.onResponse.call({ protocol: 'http', clientAddress: '::1', connection: { listener: 'web' }, request } as unknown as Exchange, result);
  if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (i === 1998) await (await host.shared<Sink>('destination:', () => Promise.reject(new Error('it is open already')), () => {})).drain();
}
process.exit(7);
