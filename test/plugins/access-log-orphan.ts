/** Writes batches to a standard output that nobody reads any more, and ends without a stop, once standard input says so. */
import { once } from 'node:events';
import { pino } from 'pino';
import { openSink } from '../../plugins/access-log/sink.ts';

const sink = await openSink('', pino);
sink.onTrouble = (reason, lines) => process.stderr.write(`${lines} ${reason}\n`);
await once(process.stdin, 'data');
for (let i = 0; i < 5; i++) sink.write(`${'x'.repeat(4000)}\n`);
process.exit(7);
