import { describe, expect, it } from 'vitest';
import { noticesOf } from '../../core/src/config/notices.ts';
import { resolved } from './faults-of.ts';
import { filter, metrics } from './plugins.ts';

const LISTENERS = [{ name: 'a', port: 0 }, { name: 'b', port: 0 }];
const POOLS = { web: { backends: ['http://127.0.0.1:9001'] }, api: { backends: ['http://127.0.0.1:9002'] } };
const notices = async (parts: object): Promise<string[]> => noticesOf(await resolved({ listeners: LISTENERS, pools: POOLS, ...parts }));

describe('notices', () => {
  it('are none of a config in which everything is used', async () => {
    expect(await notices({ routes: [{ match: { path: '/api/*' }, pool: 'api' }, { pool: 'web' }] })).toEqual([]);
    expect(await notices({ listeners: [{ port: 0, pool: 'web' }], routes: [{ match: { host: 'example.org' }, pool: 'api' }] })).toEqual([]);
  });

  it('tell of a listener that answers 404 alone', async () => {
    const routes = [{ pool: 'web', listeners: ['a'] }, { pool: 'api', match: { method: 'GET' }, listeners: ['a'] }];
    expect((await notices({ routes }))[0]).toBe('listener "b" has no pool and no route: it answers every request with 404 (add { pool } to it, or a route)');
  });

  it('tell of a pool that gets nothing', async () => {
    expect(await notices({ routes: [{ pool: 'web' }] })).toEqual(['no route and no listener sends anything to pool "api"']);
  });

  it('tell neither where a plugin may answer or name a pool, and both beside one that only counts', async () => {
    expect(await notices({ plugins: [filter()] })).toEqual([]);
    expect(await notices({ listeners: [{ port: 0, plugins: [filter()] }] })).toEqual([]);
    expect(await notices({ plugins: [metrics()] })).toHaveLength(4);
  });

  it('tell of a pool of weights 0, for no strategy picks such', async () => {
    const pools = { web: { backends: [{ url: 'http://127.0.0.1:9001', weight: 0 }, { url: 'http://127.0.0.1:9002', weight: 0 }] }, api: { backends: [{ url: 'http://127.0.0.1:9003', weight: 0 }, 'http://127.0.0.1:9004'] } };
    expect(await notices({ pools, routes: [{ match: { path: '/api/*' }, pool: 'api' }, { pool: 'web' }] })).toEqual([
      'every backend of pool "web" has weight 0: its strategy picks none of them, and requests go to any of them all the same',
    ]);
  });

  it('tell of a route behind one that takes everything on each of its listeners', async () => {
    const all = (more: object): Promise<string[]> => notices({ routes: [{ pool: 'web', ...more }, { match: { path: '/api/*' }, pool: 'api' }] });
    const lost = ['route "api" gets nothing: "web" before it takes every request (the first that matches counts)'];
    expect(await all({})).toEqual(lost);
    expect(await all({ match: { path: ['/x', '/*'] } })).toEqual(lost);
    expect(await all({ match: { path: '/*', method: 'GET' } })).toEqual([]);
    expect(await all({ match: { host: '*.example.org' } })).toEqual([]);
    expect(await all({ match: { header: { 'x-a': true } } })).toEqual([]);
    expect(await all({ listeners: ['a'] })).toEqual([]);
  });

  it('tell of the pool of a listener whose routes leave nothing for it', async () => {
    expect(await notices({ listeners: [{ name: 'a', port: 0, pool: 'api' }], routes: [{ pool: 'web' }] })).toEqual(['pool "api" of listener "a" gets nothing by it: route "web" takes every request']);
  });
});
