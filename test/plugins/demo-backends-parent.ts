/** A process with a fleet of two: tells their pids in one line, then waits for its end. */
import { openFleet } from '../../plugins/demo-backends/fleet.ts';
import type { Watcher } from '../../plugins/demo-backends/fleet.ts';

const fleet = await openFleet(2);
const host = { now: () => 0, after: () => () => {}, log: { debug() {}, info() {}, warn() {}, error() {} } };
const watcher: Watcher = {
  host,
  update: (backends) => {
    const pids = backends.map(async ({ url }) => Number(/process (\d+)/.exec(await (await fetch(url)).text())![1]));
    void Promise.all(pids).then((all) => console.log(JSON.stringify(all)));
  },
};
fleet.join(watcher);
setInterval(() => {}, 60_000);
