/**
 * `joinIdleQueue()`: the backend that has been idle longest; when none is, the less loaded of two drawn by chance.
 *
 * Y. Lu, Q. Xie, G. Kliot, A. Geller, J. R. Larus, A. Greenberg, "Join-Idle-Queue: A novel load balancing algorithm for dynamically scalable web
 * services", Performance Evaluation 68(11), 2011: idle servers stand in a queue at a dispatcher, so that a request finds one without looking around. The
 * paper sends the others to anybody by chance; two choices cost as little and do better under load. A pick costs O(1) while the pool is up.
 */
import { defineStrategy, type Member } from '@steelyard/sdk';
import { IdleQueue } from './idle-queue.ts';
import { twoChoices } from './two-choices.ts';

export default defineStrategy<{}>({
  name: 'join-idle-queue',
  description: 'whoever has been idle longest, else the less loaded of two drawn by chance',
  options: {},
  create(_options, host) {
    let idle = new IdleQueue();
    let members: readonly Member[] = [];
    const below = (count: number): number => Math.floor(host.random() * count);
    return {
      update(given) {
        members = given;
        idle.setMembers(members);
      },
      select: (_exchange, pool) => idle.next(pool) ?? twoChoices(idle.backends, idle.weights, pool, below),
      onStart: ({ backend }) => idle.started(backend),
      onEnd: ({ backend }) => idle.joinIfIdle(backend),
      // The queue itself goes over: the ends of requests that the old instance picked are told to that one, and must be heard of here.
      snapshot: () => idle,
      adopt(queue) {
        idle = queue as IdleQueue;
        idle.setMembers(members);
      },
    };
  },
});
