/** A real thread that uses rows as a worker does: it goes on for a while with what main has taken from it, as one with leases open. */
import { parentPort, workerData } from 'node:worker_threads';
import { WorkerRows, type Forget } from '../../core/src/board/rows.ts';
import { Scoreboard, type ScoreboardMemory } from '../../core/src/board/scoreboard.ts';

export interface RowsBirth {
  readonly memory: ScoreboardMemory;
  readonly block: number;
  /** By row: whose it is. Main writes it when it gives a row out. */
  readonly owners: Int32Array;
}
export type ToRowsThread =
  | { kind: 'use'; row: number; owner: number }
  /** Use it for so many turns of the event loop, and then no more. */
  | { kind: 'leave'; row: number; turns: number }
  | { kind: 'forget'; forget: Forget };
export type FromRowsThread = { kind: 'using' } | { kind: 'acknowledged'; forget: Forget } | { kind: 'fault'; fault: string };

interface Use {
  readonly owner: number;
  turns: number;
}

const { memory, block, owners } = workerData as RowsBirth;
const board = Scoreboard.attach(memory, block);
const uses = new Map<number, Use>();
const rows = new WorkerRows(board, (forget) => post({ kind: 'acknowledged', forget }));

parentPort!.on('message', (message: ToRowsThread) => {
  switch (message.kind) {
    case 'use':
      rows.use(message.row);
      uses.set(message.row, { owner: message.owner, turns: Infinity });
      board.acquire(message.row);
      post({ kind: 'using' });
      break;
    case 'leave': uses.get(message.row)!.turns = message.turns; break;
    case 'forget': rows.forget(message.forget); break;
    default: message satisfies never;
  }
});

function turn(): void {
  for (const [row, use] of uses) {
    if (owners[row] !== use.owner) post({ kind: 'fault', fault: `row ${row} is ${owners[row]}'s while ${use.owner}'s lease is open` });
    board.counters()[board.counterOffset(row)]!++;
    if (use.turns-- > 0) continue;
    uses.delete(row);
    board.giveBack(row);
    rows.retire(row, () => {});
  }
  setImmediate(turn);
}
turn();

function post(message: FromRowsThread): void {
  parentPort!.postMessage(message);
}
