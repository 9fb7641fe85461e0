/** What `npm start` runs: three demo backends as processes of their own, checked, counted, balanced in turn. */
import { defineConfig } from '@steelyard/sdk';
import demoBackends from '@steelyard/plugins/demo-backends';
import httpCheck from '@steelyard/plugins/http-check';
import passiveCheck from '@steelyard/plugins/passive-check';
import prometheus from '@steelyard/plugins/prometheus';
import roundRobin from '@steelyard/plugins/round-robin';

export default defineConfig({
  // One thread carries the traffic, so that the backends come strictly in turn. Without this line there is one per core.
  workers: 1,
  listeners: [{ port: 8080 }],
  pools: {
    web: {
      // Your own servers in place of these: ['http://10.0.0.1:9001', { url: 'http://10.0.0.2:9001', weight: 3 }]
      backends: demoBackends({ count: 3 }),
      strategy: roundRobin(),
      health: [httpCheck({ path: '/healthz' }), passiveCheck()],
    },
  },
  routes: [{ pool: 'web' }],
  plugins: [prometheus({ port: 9464 })],
});
