/** `onConnect` × every misdeed, on http and tcp listeners: eleven connections to each of them. */
import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OnFailure } from '@steelyard/sdk';
import { FAILURES_IN_A_ROW } from '../../core/src/plugins/quarantine.ts';
import { NONSENSE, PROMISES, RECURSION, THROWN, thrower, TRAPS } from './misdeeds.ts';
import { ask, plugin, type Rig, startRig, type Witness, witness } from './rig.ts';

interface Case {
  readonly name: string;
  readonly fn: () => unknown;
  readonly isAsync: boolean;
  readonly protocol: 'http' | 'tcp';
  readonly onFailure: OnFailure;
  readonly id: string;
}

const SYNC: [string, () => unknown][] = [
  ...THROWN.map((one): [string, () => unknown] => [`throws ${one.does}`, thrower(one)]),
  ['recurses without end', RECURSION],
  ...[...NONSENSE, ...TRAPS, ...PROMISES].map(({ does, make }): [string, () => unknown] => [`returns ${does}`, make]),
  ['gives a reason that is no string', () => ({ refuse: { toString: () => 'why' } })],
  ['gives a reason through a getter that throws', () => ({ get refuse(): never { throw new Error('getter'); } })],
];
const ASYNC: [string, () => unknown][] = [
  ...THROWN.slice(0, 3).map((one): [string, () => unknown] => [`rejects with ${one.does}`, async () => thrower(one)()]),
  ...NONSENSE.slice(0, 3).map(({ does, make }): [string, () => unknown] => [`resolves with ${does}`, async () => make()]),
  ['never settles', () => new Promise(() => {})],
];

const cases: Case[] = [];
for (const onFailure of ['closed', 'open'] as const) {
  for (const [isAsync, faults] of [[false, SYNC], [true, ASYNC]] as const) {
    for (const [name, fn] of faults) cases.push({ name, fn, isAsync, protocol: 'http', onFailure, id: `bad-${cases.length}` });
    // On a tcp listener nothing else is asked: the same guard, another connection behind it.
    for (const [name, fn] of faults.slice(0, 2)) cases.push({ name, fn, isAsync, protocol: 'tcp', onFailure, id: `bad-${cases.length}` });
  }
}

let rig: Rig;
let origin: Witness;
beforeAll(async () => {
  origin = await witness();
  rig = await startRig({
    listeners: [
      { name: 'web', port: 0, host: '127.0.0.1' },
      ...cases.map(({ id, protocol, fn, isAsync, onFailure }) => ({
        name: id, port: 0, host: '127.0.0.1', protocol, ...(protocol === 'tcp' && { pool: 'raw' }),
        plugins: [plugin(id, ({ hooks }) => (isAsync ? hooks.onConnect.tapPromise(fn as never, { timeLimitMs: 10 }) : hooks.onConnect.tap(fn as never)), onFailure)],
      })),
    ] as never,
    pools: { web: { backends: [origin.url] }, raw: { protocol: 'tcp', backends: [origin.url.replace('http', 'tcp')] } },
    routes: [{ pool: 'web' }],
  });
});
afterAll(async () => {
  await rig.stop();
  await origin.close();
});

/** What a client of an http or of a tcp listener got: the name of the origin, or ''. Both speak HTTP here. */
async function visit({ id, protocol }: Case): Promise<string> {
  if (protocol === 'http') return (await ask(rig.port(id), `/${id}`, {}, new http.Agent())).body;
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(rig.port(id), '127.0.0.1', () => socket.write(`GET /${id} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`));
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece)).on('error', () => {}).on('close', () => resolve(text.endsWith('origin') || text.includes('origin') ? 'origin' : ''));
  });
}

describe.each([['closed', ''], ['open', 'origin']] as const)('onConnect of a plugin that is %s and', (onFailure, got) => {
  it.each(cases.filter((one) => one.onFailure === onFailure).map((one): [string, string, string, Case] => [one.name, one.protocol, one.isAsync ? 'later' : 'at once', one]))('%s (%s, %s)', async (_name, _protocol, _when, one) => {
    const answers: string[] = [];
    for (let i = 0; i <= FAILURES_IN_A_ROW; i++) answers.push(await visit(one));
    expect(new Set(answers)).toEqual(new Set([got]));
    // A byte that comes through is one too many.
    expect(origin.seen.filter(({ url }) => url === `/${one.id}`)).toHaveLength(got === '' ? 0 : answers.length);
    // A closed one is shut out for being late only: shut out, it refuses everybody.
    const isShut = onFailure === 'open' || one.name === 'never settles';
    expect([await rig.failures(one.id, 'onConnect'), await rig.shut(one.id, 'onConnect')]).toEqual(isShut ? [FAILURES_IN_A_ROW, 1] : [FAILURES_IN_A_ROW + 1, 0]);
    expect((await ask(rig.port(), '/good')).status).toBe(200);
  });
});
