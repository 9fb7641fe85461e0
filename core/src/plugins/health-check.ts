/** A health check behind guards. A probe that fails is a result, whatever made it fail; a detector that fails says nothing. */
import type { Backend, HealthCheckInstance } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import { nameOf } from './answer.ts';
import { disown, nonsense, refusePromise } from './guard.ts';
import { HEALTHY, NORMAL, Quarantine, REFUSED, type Ticket } from './quarantine.ts';
import type { PluginRuntime } from './runtime.ts';

/** Of a timer. */
const LONGEST_MS = 2_147_483_647;

/** @throws SteelyardError ERR_PLUGIN_DEFINITION when it is no health check */
export function guardHealthCheck(plugin: PluginRuntime, instance: HealthCheckInstance): HealthCheckInstance {
  const { schedule, ejection } = copyOfNumbers(instance);
  const fault = faultOfShape(instance, schedule, ejection);
  if (fault !== '') throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `health check ${plugin.name}: ${fault}`, source: 'plugin' });
  const guarded: HealthCheckInstance = {};
  if (schedule) guarded.schedule = schedule;
  if (ejection) guarded.ejection = ejection;
  if (instance.probe) guarded.probe = guardProbe((backend, signal) => instance.probe!(backend, signal));
  if (instance.observe) guarded.observe = guardObserve(new Quarantine(plugin, 'observe'), (backend, outcome) => instance.observe!(backend, outcome));
  return guarded;
}

/** A failed probe is a result: it is for the log of the check, and not counted against the plugin. */
function guardProbe(probe: (backend: Backend, signal: AbortSignal) => unknown): NonNullable<HealthCheckInstance['probe']> {
  // `async`: one that throws at once is a failed probe too.
  return async (backend, signal) => {
    let result: unknown;
    try {
      result = await probe(backend, signal);
    } catch (thrown) {
      disown(thrown);
      throw thrown;
    }
    // Rejecting is failing, says the contract. Whoever resolves with `false` has forgotten that, and means it all the same.
    if (result === false) throw new SteelyardError('ERR_PROBE', { message: 'the probe gave false', source: 'plugin' });
  };
}

function guardObserve(tap: Quarantine, observe: NonNullable<HealthCheckInstance['observe']>): NonNullable<HealthCheckInstance['observe']> {
  return (backend, outcome) => {
    let ticket: Ticket = NORMAL;
    if (tap.state !== HEALTHY && (ticket = tap.admit()) === REFUSED) return undefined;
    let verdict: boolean | undefined;
    try {
      verdict = observe(backend, outcome);
      if (verdict !== undefined && typeof verdict !== 'boolean') {
        refusePromise(verdict);
        throw nonsense(`it returned ${nameOf(verdict)}`, 'return true, false or undefined');
      }
    } catch (thrown) {
      tap.failed(ticket, thrown);
      return undefined;
    }
    if (tap.state !== HEALTHY) tap.succeeded(ticket);
    return verdict;
  };
}

/** What was checked stays as it was: nobody sets an interval to NaN afterwards. */
function copyOfNumbers(instance: Partial<HealthCheckInstance> | undefined | null): Pick<HealthCheckInstance, 'schedule' | 'ejection'> {
  const copy = <T>(numbers: T | undefined): T | undefined => (typeof numbers === 'object' && numbers !== null ? Object.freeze({ ...numbers }) : numbers);
  const [schedule, ejection] = [copy(instance?.schedule), copy(instance?.ejection)];
  return { ...(schedule !== undefined && { schedule }), ...(ejection !== undefined && { ejection }) };
}

function faultOfShape(instance: unknown, schedule: unknown, ejection: unknown): string {
  if (typeof instance !== 'object' || instance === null || !('probe' in instance || 'observe' in instance)) {
    return `create returned ${nameOf(instance)}; expected { probe, schedule } or { observe, ejection }, at once`;
  }
  const { probe, observe } = instance as Record<string, unknown>;
  if (probe !== undefined && typeof probe !== 'function') return `probe is ${nameOf(probe)}, not a function`;
  if (observe !== undefined && typeof observe !== 'function') return `observe is ${nameOf(observe)}, not a function`;
  if (probe !== undefined && !schedule) return 'probe needs a schedule';
  if (observe !== undefined && !ejection) return 'observe needs an ejection';
  return faultOfNumbers('schedule', schedule, ['intervalMs', 'timeoutMs', 'rise', 'fall'], ['jitter']) || faultOfNumbers('ejection', ejection, ['failures', 'ejectMs', 'maxEjectMs'], []);
}

/** A schedule of NaN would check without a pause. */
function faultOfNumbers(name: string, values: unknown, positive: readonly string[], nonNegative: readonly string[]): string {
  if (values === undefined) return '';
  if (typeof values !== 'object' || values === null) return `${name} is ${nameOf(values)}, not an object`;
  const numbers = values as Record<string, unknown>;
  for (const key of [...positive, ...nonNegative]) {
    const value = numbers[key];
    // Node turns a longer delay into 1 ms: a check once a month would be one without a pause.
    if (typeof value === 'number' && key.endsWith('Ms') && value > LONGEST_MS) return `${name}.${key} is ${value}; at most ${LONGEST_MS} are allowed`;
    const isGood = typeof value === 'number' && Number.isFinite(value) && (positive.includes(key) ? value > 0 : value >= 0);
    if (!isGood) return `${name}.${key} is ${nameOf(value)}; expected a number ${positive.includes(key) ? 'above 0' : 'of 0 or more'}`;
  }
  return '';
}
