/** Plays many schedules, several at once, on one stage; looks for leftovers between the batches. */
import { seedOf } from './chance.ts';
import { leftovers, resources } from './leftovers.ts';
import { playHttp } from './play-http.ts';
import { playTcp } from './play-tcp.ts';
import { scheduleOf, type Schedule } from './schedule.ts';
import { Stage } from './stage.ts';

export interface Violation {
  /** Of the schedule; -1 = nobody knows which of the batch. */
  readonly index: number;
  readonly details: readonly string[];
}

/** At its end the last connections linger for two seconds: large enough that this costs little. */
const BATCH = 2_000;

export interface PlayOptions {
  readonly count: number;
  readonly seed: number;
  /** How many at once. */
  readonly places: number;
  /** Called behind each batch. */
  readonly onBatch?: (played: number) => void;
}

export async function playMany({ count, seed, places, onBatch }: PlayOptions): Promise<Violation[]> {
  const violations: Violation[] = [];
  const stage = new Stage();
  await stage.open(places);
  const before = resources();
  try {
    for (let from = 0; from < count; from += BATCH) {
      let next = from;
      const to = Math.min(count, from + BATCH);
      await Promise.all(stage.places.map(async (_place, number) => {
        while (next < to) {
          const index = next++;
          const details = await playOne(stage, number, scheduleOf(seedOf(seed, index)), `n${index}`);
          if (details.length > 0) violations.push({ index, details });
        }
      }));
      const left = await leftovers(stage, before);
      if (left.length > 0) violations.push({ index: -1, details: left });
      onBatch?.(to);
    }
  } finally {
    await stage.close();
  }
  return violations;
}

/** One schedule alone, on a stage of its own. */
export async function playAlone(schedule: Schedule): Promise<string[]> {
  const stage = new Stage();
  await stage.open(1);
  const before = resources();
  try {
    const details = await playOne(stage, 0, schedule, 'n0');
    return [...details, ...(await leftovers(stage, before))];
  } finally {
    await stage.close();
  }
}

function playOne(stage: Stage, number: number, schedule: Schedule, name: string): Promise<string[]> {
  const place = stage.places[number]!;
  return schedule.protocol === 'http' ? playHttp(stage, place, schedule, name) : playTcp(stage, place, number, schedule, name);
}

/** Leaves out steps and requests as long as it still fails: what is left is what it takes. */
export async function shrink(schedule: Schedule, fails: (one: Schedule) => Promise<boolean>): Promise<Schedule> {
  let smallest = schedule;
  for (let size = Math.ceil(schedule.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.steps.length; ) {
      const shorter = { ...smallest, steps: smallest.steps.toSpliced(at, size) } as Schedule;
      if (await fails(shorter)) smallest = shorter;
      else at += size;
    }
  }
  if (smallest.protocol === 'http') {
    for (let c = 0; c < smallest.clients.length; c++) {
      while (smallest.clients[c]!.length > 0) {
        const shorter: Schedule = { ...smallest, clients: smallest.clients.with(c, smallest.clients[c]!.slice(0, -1)) };
        if (!(await fails(shorter))) break;
        smallest = shorter;
      }
    }
  }
  return smallest;
}
