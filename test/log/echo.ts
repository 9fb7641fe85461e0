/** Logs what standard input tells it, line by line, and says on standard error when it has: `<count> <bytes>`. */
import { createInterface } from 'node:readline';
import { createThreadLogger } from '../../core/src/log.ts';

const log = createThreadLogger({ kind: 'stdout', level: 'info', pretty: false, colorize: false });
let number = 0;
for await (const order of createInterface({ input: process.stdin })) {
  const [count = 1, bytes = 0] = order.split(' ').map(Number);
  for (let i = 0; i < count; i++) log.info({ number: number++, filler: 'x'.repeat(bytes) }, 'logged');
  process.stderr.write('done\n');
}
