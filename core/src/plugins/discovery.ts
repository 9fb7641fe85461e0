/** A discovery at work: its first list decides whether the (re)load goes on, a later fault costs only that list. */
import type { Awaitable, BackendSpec } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import { nameOf } from './answer.ts';
import { disown, nonsense } from './guard.ts';
import { type PluginRuntime, withinLimit } from './runtime.ts';

/** The SDK's contract with authors: the first list comes within it, or the (re)load fails. */
export const FIRST_LIST_LIMIT_MS = 10_000;

export type BackendList = readonly (string | BackendSpec)[];

/**
 * Starts `watch` and waits for its first list. `onUpdate` gets every list, and may throw when one has faults.
 * @throws SteelyardError ERR_DISCOVERY when no list came in time, `watch` failed before it, or the first list has faults
 */
export async function startWatching(
  plugin: PluginRuntime, pool: string, watch: (update: (backends: BackendList) => void) => Awaitable<void>, onUpdate: (backends: BackendList) => void,
): Promise<void> {
  let hasFirst = false;
  const first = new Promise<void>((resolve, reject) => {
    const fail = (thrown: unknown): void => {
      if (hasFirst) {
        // What the end of the generation cut short is no failure.
        if (!plugin.hasEnded) plugin.report('watch', thrown);
        return;
      }
      reject(thrown);
    };
    const update = (backends: BackendList): void => {
      if (plugin.hasEnded) return;
      try {
        checkList(backends);
        onUpdate(backends);
      } catch (thrown) {
        return fail(thrown);
      }
      hasFirst = true;
      resolve();
    };
    // `async`: a throw of `watch` becomes a rejection.
    (async () => watch(update))().catch(fail);
  });
  try {
    await withinLimit(first, FIRST_LIST_LIMIT_MS, () => new Error(`no list within ${FIRST_LIST_LIMIT_MS} ms`));
  } catch (cause) {
    disown(cause);
    throw new SteelyardError('ERR_DISCOVERY', {
      message: `discovery ${plugin.name} published no backends for pool ${pool}`,
      hint: 'it must call update(list) at least once, with an empty list if there is none', source: 'plugin', cause,
    });
  }
}

function checkList(backends: unknown): void {
  // `update(ask())` without its `await`, as a rule.
  disown(backends);
  if (!Array.isArray(backends)) throw nonsense(`it published ${nameOf(backends)}`, 'update takes the full list of backends');
  for (const [index, backend] of (backends as unknown[]).entries()) {
    const isSpec = typeof backend === 'object' && backend !== null && 'url' in backend && typeof backend.url === 'string';
    if (typeof backend !== 'string' && !isSpec) throw nonsense(`entry ${index} of its list is ${nameOf(backend)}`, "an entry is 'http://host:port' or { url, weight? … }");
  }
}
