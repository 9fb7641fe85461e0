/**
 * Runs nginx and HAProxy through the table and prints where each differs from it: a check of the table.
 * `npm run conformance:peers [name …] [-- row …]`; `steelyard` is a name too.
 */
import { findProgram } from '../e2e/support/programs.ts';
import { differences, differencesInMeaning } from './judge.ts';
import { PEERS } from './peers/start.ts';
import { Bench, type StartProxy } from './run.ts';
import { startSteelyard } from './steelyard.ts';
import { TABLE, titleOf } from './table.ts';

const given = process.argv.slice(2);
const rows = given.filter((each) => /^\d+$/.test(each)).map(Number);
const names = given.filter((each) => !/^\d+$/.test(each) && each !== '--');
const table = rows.length === 0 ? TABLE : TABLE.filter(({ row }) => rows.includes(row));

for (const name of names.length === 0 ? PEERS.map((peer) => peer.name) : names) await print(name);

async function print(name: string): Promise<void> {
  const began = performance.now();
  const bench = await Bench.start(starterOf(name));
  const observed = await bench.run(table).finally(() => bench.stop());
  const judge = name === 'steelyard' ? differences : differencesInMeaning;
  const differing = table.flatMap((one, place) => {
    const found = judge(one, observed[place]!);
    return found.length === 0 ? [] : [`  ${titleOf(one)} (${one.rfc})\n${found.map((each) => `    ${each}\n`).join('')}${one.bothDiffer === undefined ? '' : `    the table: ${one.bothDiffer}\n`}`];
  });
  console.log(`${name}: ${table.length} cases in ${Math.round(performance.now() - began)} ms, ${differing.length} differ\n${differing.join('')}`);
}

function starterOf(name: string): StartProxy {
  if (name === 'steelyard') return startSteelyard().start;
  const peer = PEERS.find((each) => each.name === name);
  const file = findProgram(name);
  if (peer === undefined || file === undefined) throw new Error(`${name}: ${peer ? 'is not installed (apt-get install nginx-light haproxy)' : `no such proxy; there are steelyard, ${PEERS.map((each) => each.name).join(', ')}`}`);
  return peer.starter(file);
}
