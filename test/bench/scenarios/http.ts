/** Requests and responses: the peers are all HTTP proxies. */
import { HTTP_PEERS, STEELYARD } from '../contenders.ts';
import { runUploads } from '../load/h2load.ts';
import { runWrk, type WrkLoad } from '../load/wrk.ts';
import { CPU_PER_MIB, CPU_PER_REQUEST, type Metric } from '../metrics.ts';
import { KIB, PAGES } from '../origin.ts';
import type { Scenario } from '../scenarios.ts';
import { getsPage, keepsBackendsOverCloses, passesHeaders, takesUpload, type Check } from '../verify.ts';

/** A fixed number, because of a large body what was only begun cannot be counted. */
const LARGE_UPLOADS_PER_SECOND = 8;

const contenders = [STEELYARD, ...HTTP_PEERS];

const byWrk = (name: string, title: string, metric: Metric, load: WrkLoad, checks: Check[]): Scenario => ({
  name, title, metric, contenders, origin: load.bodyBytes === undefined ? 'pages' : 'uploads', checks: [passesHeaders, ...checks], seconds: 2,
  run: (bench, { port }, seconds) => runWrk(bench, port, seconds, load),
});

export const HTTP_SCENARIOS: readonly Scenario[] = [
  byWrk('small-get', 'GET, 21-byte body, 64 keep-alive connections', CPU_PER_REQUEST, { path: '/', connections: 64 }, []),
  byWrk('small-get-1000', 'GET, 21-byte body, 1,000 keep-alive connections', CPU_PER_REQUEST, { path: '/', connections: 1_000 }, []),
  byWrk('new-connection', 'a new client connection per request, 64 at a time, 21-byte body', CPU_PER_REQUEST, { path: '/', connections: 64, isClosing: true }, [keepsBackendsOverCloses]),
  byWrk('get-1k', '1 KiB responses, 64 connections', CPU_PER_REQUEST, { path: '/1k', connections: 64 }, [getsPage('1k')]),
  byWrk('get-64k', '64 KiB responses, 64 connections', CPU_PER_REQUEST, { path: '/64k', connections: 64 }, [getsPage('64k')]),
  byWrk('get-1m', '1 MiB responses, 16 connections', CPU_PER_MIB, { path: '/1m', connections: 16 }, [getsPage('1m')]),
  byWrk('get-100m', '100 MiB responses, 4 connections', CPU_PER_MIB, { path: '/100m', connections: 4 }, [getsPage('100m')]),
  byWrk('chunked', '64 KiB responses in chunks of 4 KiB, 64 connections', CPU_PER_REQUEST, { path: '/chunked', connections: 64 }, [getsPage('chunked')]),
  byWrk('upload-64k', '64 KiB uploads, 64 connections', CPU_PER_REQUEST, { path: '/', connections: 64, bodyBytes: PAGES['64k'] }, [takesUpload(64 * KIB)]),
  {
    name: 'upload-100m', title: '100 MiB uploads, 4 connections', metric: CPU_PER_MIB, contenders, origin: 'uploads', checks: [passesHeaders, takesUpload(PAGES['100m'])], seconds: 2,
    run: (bench, { port }, seconds) => runUploads(bench, port, {
      path: '/', connections: 4, requests: LARGE_UPLOADS_PER_SECOND * seconds, file: bench.origin.fileOf('100m'), bodyBytes: PAGES['100m'],
    }),
  },
];
