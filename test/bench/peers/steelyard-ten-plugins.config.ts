/** The same Steelyard with ten plugins more. Each has four synchronous taps, reads one header of every request and sets one. */
import { definePlugin } from '@steelyard/sdk';
import config from './steelyard.config.ts';

const PLUGINS = 10;
/** Read by nobody; without it a tap could be optimised away. */
let heard = 0;

const extra = definePlugin<{ header: string }>({
  name: 'bench-extra',
  options: { header: { type: 'string' } },
  setup({ header }, host) {
    host.hooks.onRequest.tap(({ request }) => {
      request.setHeader(header, request.header('host') === undefined ? 'no' : 'yes');
    });
    host.hooks.selectBackend.tap((_exchange, pool) => {
      heard += pool.backends.length;
    });
    host.hooks.onResponseHead.tap((_exchange, { status }) => {
      heard += status;
    });
    host.hooks.onResponse.tap((_exchange, { attempts }) => {
      heard += attempts;
    });
    host.defer(() => host.log.debug({ heard }, 'heard'));
  },
});

export default { ...config, plugins: [...config.plugins!, ...Array.from({ length: PLUGINS }, (_, i) => extra({ header: `x-bench-${i}` }))] };
