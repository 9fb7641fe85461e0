/** Requests and responses: the peers are all HTTP proxies. */
import { httpPeers, STEELYARD, type Contender } from '../contenders.ts';
import { runUploads } from '../load/h2load.ts';
import { runWrk, type WrkLoad } from '../load/wrk.ts';
import { CPU_PER_MIB, CPU_PER_REQUEST, type Metric } from '../metrics.ts';
import { KIB, PAGES } from '../origin.ts';
import type { Scenario } from '../scenarios.ts';
import { getsPage, keepsBackendsOverCloses, passesHeaders, takesUpload, type Check } from '../verify.ts';

/** A fixed number, because of a large body what was only begun cannot be counted. */
const LARGE_UPLOADS_PER_SECOND = 8;

const contendersFor = (isSmall: boolean): Contender[] => [STEELYARD, ...httpPeers(isSmall)];

const byWrk = (name: string, title: string, load: WrkLoad, checks: Check[], metric: Metric = CPU_PER_REQUEST): Scenario => ({
  name, title, metric, contenders: contendersFor(isSmall(load)), origin: load.bodyBytes === undefined ? 'pages' : 'uploads', checks: [passesHeaders, ...checks], seconds: 2,
  run: (bench, { port }, seconds) => runWrk(bench, port, seconds, load),
});

function isSmall({ path, bodyBytes }: WrkLoad): boolean {
  return bodyBytes === undefined && (path === '/' || path === '/1k');
}

export const HTTP_SCENARIOS: readonly Scenario[] = [
  byWrk('small-get', 'GET, 21-byte body, 64 keep-alive connections', { path: '/', connections: 64 }, []),
  byWrk('small-get-1000', 'GET, 21-byte body, 1,000 keep-alive connections', { path: '/', connections: 1_000 }, []),
  byWrk('new-connection', 'a new client connection per request, 64 at a time, 21-byte body', { path: '/', connections: 64, isClosing: true }, [keepsBackendsOverCloses]),
  byWrk('get-1k', '1 KiB responses, 64 connections', { path: '/1k', connections: 64 }, [getsPage('1k')]),
  byWrk('get-64k', '64 KiB responses, 64 connections', { path: '/64k', connections: 64 }, [getsPage('64k')]),
  byWrk('get-1m', '1 MiB responses, 16 connections', { path: '/1m', connections: 16 }, [getsPage('1m')], CPU_PER_MIB),
  byWrk('get-100m', '100 MiB responses, 4 connections', { path: '/100m', connections: 4 }, [getsPage('100m')], CPU_PER_MIB),
  byWrk('chunked', '64 KiB responses in chunks of 4 KiB, 64 connections', { path: '/chunked', connections: 64 }, [getsPage('chunked')]),
  byWrk('upload-64k', '64 KiB uploads, 64 connections', { path: '/', connections: 64, bodyBytes: PAGES['64k'] }, [takesUpload(64 * KIB)]),
  {
    name: 'upload-100m', title: '100 MiB uploads, 4 connections', metric: CPU_PER_MIB, contenders: contendersFor(false), origin: 'uploads', checks: [passesHeaders, takesUpload(PAGES['100m'])], seconds: 2,
    run: (bench, { port }, seconds) => runUploads(bench, port, {
      path: '/', connections: 4, requests: LARGE_UPLOADS_PER_SECOND * seconds, file: bench.origin.fileOf('100m'), bodyBytes: PAGES['100m'],
    }),
  },
];
