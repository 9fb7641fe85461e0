/** Waiting without a clock: a schedule is quiet when nothing of it has happened for some turns of the event loop. */

/**
 * From a write to its last consequence the loop turns once for each socket on the way; on loopback the kernel delivers within the call. A connect,
 * an accept, a relay and an answer are four; the rest is margin. Too few would only make another schedule of it, never a wrong verdict.
 */
const QUIET_TURNS = 7;
/** Nothing that is waited for here takes time of its own. Over it something hangs; a machine under load needs a fraction. */
const HANG_MS = 5_000;

/** Whatever happens at an end of a schedule's sockets is counted here. */
export class Happenings {
  count = 0;
}

export async function quiet(happenings: Happenings): Promise<void> {
  let seen = happenings.count;
  for (let turns = 0; turns < QUIET_TURNS; turns++) {
    await turn();
    if (happenings.count === seen) continue;
    seen = happenings.count;
    turns = -1;
  }
}

/** Resolves to whether it came true: looked at in each turn of the loop. */
export async function comesTrue(isTrue: () => boolean): Promise<boolean> {
  const until = performance.now() + HANG_MS;
  for (let turns = 1; !isTrue(); turns++) {
    // Now and then a real pause: what hangs must not keep the machine busy.
    if (turns % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    else await turn();
    if (performance.now() > until) return isTrue();
  }
  return true;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
