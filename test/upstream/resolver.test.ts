import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Logger } from '@steelyard/sdk';
import { REFRESH_MS, Resolver } from '../../core/src/upstream/resolver.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('hands out the addresses of a name in turn', async () => {
  const resolver = new Resolver(quiet, async () => ['10.0.0.1', '10.0.0.2']);
  await resolver.claim('api.example');
  const three = [resolver.address('api.example'), resolver.address('api.example'), resolver.address('api.example')];
  expect(new Set(three.slice(0, 2))).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
  expect(three[2]).toBe(three[0]);
  resolver.release('api.example');
});

it('keeps the last good answer when the name cannot be resolved any more', async () => {
  const answers = [Promise.resolve(['10.0.0.1']), Promise.reject(new Error('ENOTFOUND')), Promise.resolve(['10.0.0.9'])];
  answers[1]!.catch(() => {});
  const resolver = new Resolver(quiet, () => answers.shift()!);
  await resolver.claim('api.example');
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect(resolver.address('api.example')).toBe('10.0.0.1');
  await vi.advanceTimersByTimeAsync(REFRESH_MS);
  expect(resolver.address('api.example')).toBe('10.0.0.9');
  resolver.release('api.example');
});

it('leaves no timer when nobody uses a name any more', async () => {
  const resolver = new Resolver(quiet, async () => ['10.0.0.1']);
  await resolver.claim('a.example');
  await resolver.claim('a.example');
  resolver.release('a.example');
  expect(vi.getTimerCount()).toBe(1);
  resolver.release('a.example');
  expect(vi.getTimerCount()).toBe(0);
});

it('takes an address for what it is', async () => {
  const resolver = new Resolver(quiet, () => Promise.reject(new Error('must not be asked')));
  await resolver.claim('::1');
  expect(resolver.address('::1')).toBe('::1');
  expect(resolver.address('127.0.0.1')).toBe('127.0.0.1');
});
