import { describe, expect, it } from 'vitest';
import { parseH2load, parseH2loadLog } from './h2load.ts';
import { parseWrk } from './wrk.ts';

const wrkOutput = (failures: string): string => `Running 2s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
Requests/sec:  50210.18
{"requests":100420,"durationUs":2000012,"bytes":20084000,"p50Us":1180,"p99Us":3240,"failures":${failures}}
`;
const NO_FAILURES = '{"connect":0,"read":0,"write":0,"status":0,"timeout":0}';

describe('of wrk', () => {
  it('the line of wrk.lua is read, whatever stands before it', () => {
    expect(parseWrk(wrkOutput(NO_FAILURES), 0)).toEqual({ requests: 100_420, bytes: 20_084_000, seconds: 2.000012, p50Us: 1_180, p99Us: 3_240, failures: 0 });
  });

  it('every kind of failure counts', () => {
    expect(parseWrk(wrkOutput('{"connect":1,"read":2,"write":4,"status":8,"timeout":16}'), 0)).toMatchObject({ failures: 31, complaint: 'connect: 1, read: 2, write: 4, status: 8, timeout: 16' });
  });

  it('what was carried by uploads are their bodies', () => {
    expect(parseWrk(wrkOutput(NO_FAILURES), 65_536).bytes).toBe(100_420 * 65_536);
  });

  it('a run without a summary is an error that shows what there is', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:1\n', 0)).toThrow('unable to connect');
  });
});

const h2loadOutput = (time: string, counts: string, statuses: string): string => `starting benchmark...
spawning thread #0: 4 total client(s). 16 total requests
Application protocol: http/1.1
progress: 100% done

finished in ${time}, 11.53 req/s, 1.93KB/s
requests: ${counts}
status codes: ${statuses}
traffic: 2.68KB (2747) total, 1.91KB (1955) headers (space savings 0.00%), 240B (240) data
`;

describe('of h2load', () => {
  it('counts and time are read', () => {
    expect(parseH2load(h2loadOutput('1.39s', '16 total, 16 started, 16 done, 16 succeeded, 0 failed, 0 errored, 0 timeout', '16 2xx, 0 3xx, 0 4xx, 0 5xx'))).toEqual({ succeeded: 16, failures: 0, seconds: 1.39 });
    expect(parseH2load(h2loadOutput('390.5ms', '1 total, 1 started, 1 done, 1 succeeded, 0 failed, 0 errored, 0 timeout', '1 2xx, 0 3xx, 0 4xx, 0 5xx')).seconds).toBeCloseTo(0.3905);
  });

  it('what was not answered with 2xx or 3xx has failed, and so has what was never sent', () => {
    const counts = '16 total, 14 started, 14 done, 9 succeeded, 5 failed, 2 errored, 1 timeout';
    expect(parseH2load(h2loadOutput('2.00s', counts, '9 2xx, 0 3xx, 0 4xx, 3 5xx'))).toMatchObject({ failures: 7, complaint: expect.stringContaining('3 5xx') as string });
  });

  it('a run without counts is an error that shows what there is', () => {
    expect(() => parseH2load('could not resolve address\n')).toThrow('could not resolve');
  });

  it('the time of each request is the third column of its log', () => {
    expect(parseH2loadLog('1700000000000000\t200\t547301\n1700000000100000\t200\t1311150\n')).toEqual([547_301, 1_311_150]);
    expect(parseH2loadLog('')).toEqual([]);
  });
});
