/**
 * A turn of the bench without sockets: the same schedule, the same antagonists, the same queues, in virtual time. What packets and timers take is not in it,
 * so it says what a rule of choice is worth, in a fraction of a second for each turn.
 */
import { LoadMemory } from './load-memory.ts';
import { Antagonists, arrivalsOf, workOf } from './schedule.ts';
import { BACKENDS } from './setting.ts';

/** The backends as they are now. Times are ms from the beginning of the turn. */
export interface Scene {
  readonly seed: number;
  readonly antagonists: Antagonists;
  readonly backends: readonly SimulatedBackend[];
}

export interface SimulatedBackend {
  /** When its queue is empty. */
  freeMs: number;
  readonly memory: LoadMemory;
  readonly queue: { request: number; arrivedMs: number; endMs: number; rifMet: number }[];
}

/** A balancer in the simulation. */
export interface Rule {
  /** The index of the backend that gets the request. */
  pick: (atMs: number, request: number) => number | Promise<number>;
  /** An answer came. */
  end?: (backend: number, answer: { request: number; arrivedMs: number }, atMs: number) => void;
  close?: () => Promise<void>;
}

export type MakeRule = (scene: Scene) => Rule;

/** @returns latency of each request in the order of the arrivals, ms */
export async function simulate(makeRule: MakeRule, seed: number, seconds: number): Promise<Float64Array> {
  const backends = Array.from({ length: BACKENDS }, (): SimulatedBackend => ({ freeMs: 0, memory: new LoadMemory(), queue: [] }));
  const scene: Scene = { seed, antagonists: new Antagonists(seed), backends };
  const rule = makeRule(scene);
  const due = arrivalsOf(seed, seconds);
  const latenciesMs = new Float64Array(due.length);
  for (let request = 0; request < due.length; request++) {
    const atMs = due[request]!;
    for (let index = nextToEnd(backends, atMs); index >= 0; index = nextToEnd(backends, atMs)) {
      const { memory, queue } = backends[index]!;
      const ended = queue.shift()!;
      memory.leave(ended.rifMet, ended.endMs - ended.arrivedMs);
      rule.end?.(index, ended, ended.endMs);
    }
    const picked = await rule.pick(atMs, request);
    const backend = backends[picked]!;
    const endMs = scene.antagonists.finishOf(picked, Math.max(atMs, backend.freeMs), workOf(seed, request));
    backend.freeMs = endMs;
    backend.queue.push({ request, arrivedMs: atMs, endMs, rifMet: backend.memory.arrive() });
    latenciesMs[request] = endMs - atMs;
  }
  await rule.close?.();
  return latenciesMs;
}

/** The backend of which an answer comes next, until `atMs`; -1 = none does. */
function nextToEnd(backends: readonly SimulatedBackend[], atMs: number): number {
  let first = -1;
  let firstMs = atMs;
  for (let index = 0; index < backends.length; index++) {
    const endMs = backends[index]!.queue[0]?.endMs ?? Infinity;
    if (endMs > firstMs) continue;
    first = index;
    firstMs = endMs;
  }
  return first;
}
