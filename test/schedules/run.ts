/**
 * Random schedules over real sockets: `npm run schedules -- --count 10000 --seed 7`. Exit code 1 when an invariant was violated; then each failing
 * schedule is played again alone, shortened, and printed. `--replay <index>` plays one of the run with that seed, and prints it.
 */
import { parseArgs } from 'node:util';
import { seedOf } from './chance.ts';
import { watchBlocks } from './leftovers.ts';
import { playAlone, playMany, shrink } from './play.ts';
import { scheduleOf, type Schedule } from './schedule.ts';

/** Failing schedules that are looked into; the first few tell what is wrong. */
const SHOWN = 5;
/** The same schedule may meet another order of events: so often it is tried to fail again. */
const TRIES = 5;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    places: { type: 'string', default: '16' },
    replay: { type: 'string' },
  },
});
const seed = Number(values.seed);
watchBlocks();
process.exitCode = values.replay === undefined ? await runAll() : await replay(Number(values.replay));

async function runAll(): Promise<number> {
  const count = Number(values.count);
  const startedAt = performance.now();
  const violations = await playMany({
    count, seed, places: Number(values.places),
    onBatch: (played) => process.stderr.write(`\r${played} of ${count}`),
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  process.stderr.write('\r');
  console.log(`seed ${seed}: ${count} schedules in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(0)}/s), ${violations.length} with a violated invariant`);
  for (const [i, { index, details }] of violations.entries()) {
    console.log(`\n${index < 0 ? 'after a batch' : `schedule ${index} (--seed ${seed} --replay ${index})`}:\n  ${details.join('\n  ')}`);
    if (i < SHOWN && index >= 0) await explain(scheduleOf(seedOf(seed, index)));
  }
  return violations.length === 0 ? 0 : 1;
}

async function replay(index: number): Promise<number> {
  const schedule = scheduleOf(seedOf(seed, index));
  print(schedule);
  const details = await playAlone(schedule);
  console.log(details.length === 0 ? 'no invariant is violated' : details.join('\n'));
  return details.length === 0 ? 0 : 1;
}

async function explain(schedule: Schedule): Promise<void> {
  const fails = async (one: Schedule): Promise<boolean> => {
    for (let i = 0; i < TRIES; i++) if ((await playAlone(one)).length > 0) return true;
    return false;
  };
  if (!(await fails(schedule))) {
    console.log('  (alone it passed: it takes the others beside it, or another order of events)');
    return;
  }
  const smallest = await shrink(schedule, fails);
  print(smallest);
  for (let i = 0; i < TRIES; i++) {
    const details = await playAlone(smallest);
    if (details.length > 0) return console.log(`  ${details.join('\n  ')}`);
  }
}

function print(schedule: Schedule): void {
  const { steps, ...rest } = schedule;
  console.log(`  ${JSON.stringify(rest)}`);
  for (const step of steps) console.log(`  ${JSON.stringify(step)}`);
}
