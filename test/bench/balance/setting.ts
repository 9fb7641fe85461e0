/** What is compared with what load: the numbers of the experiment, each with its reason. */

/** Backends, each a process of its own with one server and a queue before it. */
export const BACKENDS = 8;
/** How many of them have an antagonist beside them: something else that takes their machine's time. */
export const ANTAGONISTS = 2;
/** What takes 20 ms takes 100 beside an antagonist. */
export const SLOW_TIMES = 5;
/**
 * Work of a request, mean of an exponential distribution, ms. Long beside what a balancer takes (under 0.1 ms) and beside the millisecond by which a timer
 * is wrong, so that the rule of choice is what is measured; and few requests per second, so that the CPU is not.
 */
export const MEAN_WORK_MS = 20;
/** One antagonist moves each time, in turn: each stays for twice as long. */
export const MOVE_MS = 2_000;
/** Of the capacity. Without the slow two, the other six would be at 80 %. */
export const LOAD = 0.75;
/** Requests per second that all backends together can serve. */
export const CAPACITY = ((BACKENDS - ANTAGONISTS + ANTAGONISTS / SLOW_TIMES) / MEAN_WORK_MS) * 1e3;
export const REQUESTS_PER_SECOND = CAPACITY * LOAD;
/** The beginning of each turn, which does not count: queues fill, balancers learn. One move of an antagonist is in it. */
export const WARM_UP_SECONDS = 3;
/** Open from the beginning. At 240 requests per second they are all taken when answers take 2 s. */
export const CONNECTIONS = 512;
/** An answer that is not there so long after the last request of a turn was due is an error. */
export const ANSWER_LIMIT_MS = 10_000;
/** With more of the machine taken by the set-up, the CPU would be measured, and not the choice. */
export const MOST_CPU_SHARE = 0.4;
