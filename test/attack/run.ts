/**
 * `npm run attack`: slow clients from 127.0.0.2 against a balancer with its defaults, while others from 127.0.0.1 go on with their requests.
 * They must not notice: no error, a p99 below 100 ms, and less than 500 MiB of memory. With slowhttptest installed (Debian: slowhttptest) its
 * three modes are run as well; it has no way to choose its source, so it comes from 127.0.0.1 too.
 * Needs more open files than connections: `ulimit -n 20000`.
 */
import { parseArgs } from 'node:util';
import { attack, type Attack } from './attack.ts';
import { MODES, SLOW_MODES } from './modes.ts';
import { hasSlowhttptest } from './processes.ts';

const MAX_P99_MS = 100;
const MAX_MEMORY_MIB = 500;

const { values } = parseArgs({ options: {
  connections: { type: 'string', default: '5000' },
  seconds: { type: 'string', default: '40' },
  rate: { type: 'string', default: '500' },
  attack: { type: 'string', multiple: true },
} });
const [connections, seconds, perSecond] = [Number(values.connections), Number(values.seconds), Number(values.rate)];
const all: Attack[] = ['none', ...MODES, ...(hasSlowhttptest() ? SLOW_MODES.map((mode) => `slowhttptest ${mode}` as const) : [])];
const chosen = values.attack ? all.filter((name) => values.attack!.includes(name)) : all;

console.log(`${connections} slow connections for ${seconds} s, beside ${perSecond} requests/s\n`);
console.log('| attack | open at most | opened | requests | errors | p50 ms | p99 ms | max ms | peak MiB | CPU % | attackers were told | limits met |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |');
let isGood = true;
for (const name of chosen) {
  const { client, peakMib, cpuShare, attacker, hits } = await attack(name, { connections, seconds, perSecond });
  const isMet = client.errors === 0 && client.p99 < MAX_P99_MS && peakMib < MAX_MEMORY_MIB;
  isGood &&= isMet;
  const list = (counts: Readonly<Record<string, number>>): string => Object.entries(counts).map(([what, count]) => `${what} ${count}`).join(', ');
  const errors = client.errors === 0 ? '0' : `${client.errors} (${list(client.causes)})`;
  const [p50, p99, max] = [client.p50, client.p99, client.max].map((ms) => ms.toFixed(1));
  console.log(`| ${name}${isMet ? '' : ' **missed**'} | ${attacker.most} | ${attacker.opened || '?'} | ${client.requests} | ${errors} | ${p50} | ${p99} | ${max} | ${peakMib.toFixed(0)} | ${(cpuShare * 100).toFixed(0)} | ${list(attacker.answers)} | ${list(hits)} |`);
}
console.log(`\nThe bar: no error, p99 below ${MAX_P99_MS} ms, below ${MAX_MEMORY_MIB} MiB: ${isGood ? 'met' : 'missed'}.`);
process.exitCode = isGood ? 0 : 1;
