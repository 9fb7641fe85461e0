/** Good clients at backends that do what no backend should: the client gets a whole answer, a 502 to 504, or a broken one; never a wrong one. */
import type { Fault } from '../origin/faults.ts';
import { kept } from './good.ts';
import type { Kind } from './traffic.ts';

/** Where no answer can be saved. 503: passive checks took all backends of the pool out for a moment. */
const ALLOWED: Record<Fault, readonly string[]> = {
  reset: ['502', '503'],
  close: ['502', '503'],
  hang: ['504', '503'],
  truncate: ['broken', '502', '503'],
  'truncate chunks': ['broken', '502', '503'],
  stall: ['broken', '503'],
  malformed: ['502', '503'],
  'malformed chunks': ['broken', '502', '503'],
  'extra bytes': ['answered', '503'],
  slow: ['answered', '503', '504', 'broken'],
  'answer early': ['answered', 'cut', 'broken', '502', '503', '504'],
};

/** The body of an answer that is right: what the fault says. */
const FAULT_ANSWER_BYTES = 100;
const EARLY_BODY_BYTES = 300_000;

export const BAD_BACKENDS: readonly Kind[] = [
  ...(Object.entries(ALLOWED) as [Fault, readonly string[]][]).map(([fault, allows]): Kind => ({
    name: `backend: ${fault}`, weight: 1, allows, excusedBy: ['worker'],
    run: (world) => kept(world, {
      path: '/faulty/a', headers: `X-Fault: ${fault}\r\n`, answerBytes: FAULT_ANSWER_BYTES,
      ...(fault === 'answer early' ? { method: 'PUT', bodyBytes: EARLY_BODY_BYTES } : { method: world.random() < 0.5 ? 'GET' : 'POST' }),
    }),
  })),
  // After all of that, on the same connections. Its time limit of 400 ms is one that a busy machine may pass.
  { name: 'backend: none of it', weight: 8, allows: ['answered', '503', '504'], excusedBy: ['worker'], run: (world) => kept(world, { path: '/faulty/a', method: 'GET', answerBytes: 500 }) },
  { name: 'mortal GET', weight: 6, allows: [], excusedBy: ['worker', 'mortal'], run: (world) => kept(world, { path: '/mortal/a', method: 'GET', answerBytes: 500 }) },
  { name: 'mortal POST', weight: 3, allows: [], excusedBy: ['worker', 'mortal'], run: (world) => kept(world, { path: '/mortal/a', method: 'POST', bodyBytes: 500, answerBytes: 500 }) },
];
