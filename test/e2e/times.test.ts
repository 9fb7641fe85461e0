/** What plugins are told of times: the clock is read once for each event of a socket, so no event may be forgotten. */
import { expect, it } from 'vitest';
import { proxyTo, start } from './support/balancer.ts';
import { RawClient } from './support/client.ts';
import { httpOrigin, namedOrigin, rawOrigin } from './support/origin.ts';
import { plugin, Recorder } from './support/recorder.ts';

/** Longer than any rounding, shorter than a tick of the coarse clock, which would hide a forgotten reading. */
const PAUSE_MS = 20;
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const pause = async (): Promise<number> => {
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  return performance.now() - startedAt;
};

it('an exchange counts what an asynchronous tap took, its attempt does not', async () => {
  let waitedMs = 0;
  const recorder = new Recorder();
  const wait = plugin('wait', ({ hooks }) => hooks.onRequest.tapPromise(async () => {
    waitedMs = await pause();
  }));
  const { port } = await start({ ...proxyTo((await namedOrigin('here')).url), plugins: [wait, recorder.plugin()] });
  (await RawClient.connect(port)).send(GET);
  await recorder.responses(1);
  const { firstByteMs, durationMs } = recorder.results[0]!.result;
  expect(firstByteMs).toBeGreaterThanOrEqual(waitedMs);
  expect(durationMs).toBeGreaterThanOrEqual(firstByteMs);
  expect(recorder.attempts[0]!.outcome.durationMs).toBeLessThanOrEqual(durationMs - waitedMs);
});

it('the first byte and the end count what the backend took for each', async () => {
  const tookMs: number[] = [];
  const origin = await httpOrigin((_request, response) => void (async () => {
    tookMs.push(await pause());
    response.write('first');
    tookMs.push(await pause());
    response.end('last');
  })());
  const recorder = new Recorder();
  const { port } = await start({ ...proxyTo(origin.url), plugins: [recorder.plugin()] });
  (await RawClient.connect(port)).send(GET);
  await recorder.responses(1);
  const [{ result }, { outcome }] = [recorder.results[0]!, recorder.attempts[0]!];
  for (const { firstByteMs, durationMs } of [result, outcome]) {
    expect(firstByteMs).toBeGreaterThanOrEqual(tookMs[0]!);
    expect(durationMs).toBeGreaterThanOrEqual(tookMs[0]! + tookMs[1]!);
  }
});

it('an upgraded connection counts to its end', async () => {
  const origin = await rawOrigin((socket) => void socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')));
  const recorder = new Recorder();
  const { port } = await start({ ...proxyTo(origin.url), plugins: [recorder.plugin()] });
  const client = await RawClient.connect(port);
  await client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n').until('101');
  const openMs = await pause();
  client.socket.resetAndDestroy();
  await recorder.responses(1);
  const { firstByteMs, durationMs } = recorder.results[0]!.result;
  expect(durationMs).toBeGreaterThanOrEqual(firstByteMs + openMs);
});
