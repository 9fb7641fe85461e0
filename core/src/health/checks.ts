/** The health checks of one pool, from what its plugins gave: each with a source name of its own. */
import type { CheckSchedule, Ejection, HealthCheckInstance, HealthCheckUse } from '@steelyard/sdk';
import { SteelyardError } from '@steelyard/sdk';
import type { ResolvedPool } from '../config/resolved.ts';
import type { ActiveCheck } from './active.ts';
import type { EjectingCheck } from './ejection.ts';
import type { PassiveCheck } from './observer.ts';

/** `places`: index of the check that each passive source stands for. @throws SteelyardError ERR_PLUGIN_DEFINITION when an instance lacks what belongs to it, or has it out of range. */
export function poolChecks(
  pool: ResolvedPool,
  create: (use: HealthCheckUse) => HealthCheckInstance,
): { active: ActiveCheck[]; passive: (EjectingCheck & PassiveCheck)[]; places: Map<string, number> } {
  const active: ActiveCheck[] = [];
  const passive: (EjectingCheck & PassiveCheck)[] = [];
  const places = new Map<string, number>();
  const seen = new Map<string, number>();
  for (const [place, use] of pool.health.entries()) {
    const count = (seen.get(use.name) ?? 0) + 1;
    seen.set(use.name, count);
    const source = count === 1 ? use.name : `${use.name}#${count}`;
    const { probe, schedule, observe, ejection } = create(use);
    const refuse = (fault: string): never => {
      throw new SteelyardError('ERR_PLUGIN_DEFINITION', { message: `health check ${use.name} of pool ${pool.name}: ${fault}`, source: 'plugin' });
    };
    if (!probe && !observe) refuse('it gives neither probe nor observe');
    if (probe) active.push({ source, probe, schedule: checkedSchedule(schedule, refuse) });
    // Two halves of one check keep a mark each: neither may clear the other's.
    if (observe) {
      const { failures, ...checked } = checkedEjection(ejection, refuse);
      const detector = { source: probe ? `${source}:traffic` : source, failures, observe, ejection: { failures, ...checked } };
      passive.push(detector);
      places.set(detector.source, place);
    }
  }
  return { active, passive, places };
}

function checkedSchedule(schedule: CheckSchedule | undefined, refuse: (fault: string) => never): CheckSchedule {
  if (!schedule) return refuse('a probe needs a schedule');
  const { intervalMs, jitter, timeoutMs, rise, fall } = schedule;
  if (!(intervalMs > 0) || !(timeoutMs > 0)) refuse('schedule.intervalMs and timeoutMs must be over 0');
  if (!(jitter >= 0 && jitter <= 1)) refuse('schedule.jitter must be 0 to 1');
  if (!isCount(rise) || !isCount(fall)) refuse('schedule.rise and fall must be whole numbers from 1');
  return schedule;
}

function checkedEjection(ejection: Ejection | undefined, refuse: (fault: string) => never): Ejection {
  if (!ejection) return refuse('an observe needs an ejection');
  if (!isCount(ejection.failures)) refuse('ejection.failures must be a whole number from 1');
  if (!(ejection.ejectMs > 0) || !(ejection.maxEjectMs >= ejection.ejectMs)) refuse('ejection.ejectMs must be over 0, and maxEjectMs not below it');
  return ejection;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1;
}
