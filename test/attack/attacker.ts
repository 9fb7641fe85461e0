/** A process that holds so many slow connections open, and opens another one for each that is cut. */
import { MODES, SlowConnection, type Mode } from './modes.ts';

const [mode, port, wanted, localAddress] = process.argv.slice(2) as [Mode, string, string, string];
if (!MODES.includes(mode)) throw new Error(`no attack is called ${mode}`);

/** Small steps: a burst of new connections would be another attack than a slow one. */
const STEP_MS = 20;
const STEPS_A_SECOND = 1_000 / STEP_MS;
/** So many are opened each second. Files come one by one: their bytes are a load of their own. */
const OPENED_A_SECOND = mode === 'stall' ? 10 : 1_000;
const connections: SlowConnection[] = [];
const answers: Record<string, number> = {};
let [opened, most] = [0, 0];

function open(index: number): void {
  opened++;
  connections[index] = new SlowConnection(mode, Number(port), localAddress, (status) => {
    const answer = status === '' ? 'cut' : status;
    answers[answer] = (answers[answer] ?? 0) + 1;
  });
}

let step = 0;
/** From here on places may be free. */
let next = 0;
setInterval(() => {
  let left = Math.ceil((OPENED_A_SECOND * (step + 1)) / STEPS_A_SECOND) - Math.ceil((OPENED_A_SECOND * step) / STEPS_A_SECOND);
  for (let looked = 0; looked < Number(wanted) && left > 0; looked++) {
    const index = next % Number(wanted);
    next++;
    if (connections[index] && !connections[index].isOver) continue;
    open(index);
    left--;
  }
  // Each has its turn once a second.
  for (let index = step % STEPS_A_SECOND; index < connections.length; index += STEPS_A_SECOND) connections[index]!.turn();
  step++;
  if (step % STEPS_A_SECOND === 0) most = Math.max(most, connections.filter(({ isOpen }) => isOpen).length);
}, STEP_MS);

process.on('message', () => {
  process.send?.({ opened, most, answers });
  process.exit();
});
process.send?.('ready');
