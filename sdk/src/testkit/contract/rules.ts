/** The rules that every strategy keeps. */
import type { StrategyInstance } from '../../define.ts';
import type { FakeHost } from '../host.ts';
import { strategyUnderTest } from '../strategy.ts';
import { world } from '../world.ts';
import { balanced } from './balance.ts';
import { extremes } from './extremes.ts';
import { bytesKeptPerLease, bytesKeptPerPick } from './growth.ts';
import { forbiddenUses, lives, throwIfSeen } from './picks.ts';
import { checkOtherMembers } from './reload.ts';
import { Break, describePool } from './rule.ts';
import type { Rule, Subject } from './rule.ts';
import { runScenario, scenario } from './scenario.ts';
import { faultsOfOptions, faultsOfSchema } from './schema.ts';

export const CONTRACT: readonly Rule[] = [
  { id: 'definition', says: 'name, options, defaults and functions are in order', check: checkDefinition },
  extremes,
  { id: 'never-throws', says: 'no function throws, whatever comes: 0, 1, 2 or 1,000 backends, storms of members, every outcome', check: (subject) => throwIfSeen(subject, 'never-throws') },
  { id: 'returns-a-member', says: 'a pick is the Backend object of a member, or undefined', check: (subject) => throwIfSeen(subject, 'returns-a-member') },
  { id: 'available-only', says: 'never picks a backend that is unavailable or was already tried', check: (subject) => throwIfSeen(subject, 'available-only') },
  { id: 'weight-zero', says: 'a member of weight 0 gets nothing', check: (subject) => throwIfSeen(subject, 'weight-zero') },
  { id: 'undefined-only-when-none', says: 'returns undefined only when no member with a weight is available', check: (subject) => throwIfSeen(subject, 'undefined-only-when-none') },
  { id: 'deterministic', says: 'the same seed gives the same picks, also beside another instance', check: checkDeterministic },
  { id: 'front-door', says: 'time and chance come from host alone', check: checkFrontDoor },
  { id: 'keeps-nothing', says: 'keeps nothing of leases and backends that are gone, nor of a million picks', check: checkGrowth },
  balanced,
  { id: 'score', says: 'what it says of its scores are numbers, and saying it changes no pick', check: checkScore },
  { id: 'reload', says: 'a twin that adopts the snapshot goes on where the first stopped', check: checkReload },
];

function checkDefinition({ use, seed }: Subject): void {
  const { definition } = use;
  const faults: string[] = [];
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(use.name)) faults.push(`the name ${JSON.stringify(use.name)} is not lower case with dashes`);
  if (!['any', 'http'].includes(use.protocol)) faults.push(`protocol ${JSON.stringify(use.protocol)} is neither any nor http`);
  if (!['load', 'hash', 'order'].includes(use.strategyKind)) faults.push(`kind ${JSON.stringify(use.strategyKind)} is none of load, hash, order`);
  const version = definition.stateVersion ?? 1;
  if (!Number.isInteger(version) || version < 1) faults.push(`stateVersion ${version} is no whole number from 1 up`);
  faults.push(...faultsOfSchema(definition.options), ...faultsOfOptions(definition.options, use.options));
  if (faults.length === 0) {
    const { instance } = strategyUnderTest(use, world({ seed }));
    faults.push(...faultsOfInstance(instance));
  }
  if (faults.length > 0) throw new Break({ seen: faults.join('; '), sample: 'the definition', probably: 'the core would refuse it with ERR_PLUGIN_DEFINITION or ERR_PLUGIN_OPTIONS' });
}

const FUNCTIONS = ['update', 'select', 'onStart', 'onHead', 'onEnd', 'score', 'snapshot', 'adopt'] as const;

function faultsOfInstance(instance: StrategyInstance): string[] {
  const faults = FUNCTIONS.flatMap((name) => {
    const given: unknown = instance[name];
    const isRequired = name === 'update' || name === 'select';
    return typeof given === 'function' || (given === undefined && !isRequired) ? [] : [`create() gave ${typeof given} for ${name}`];
  });
  if (!instance.snapshot !== !instance.adopt) faults.push('snapshot and adopt go together: one without the other does nothing');
  // The compiler lets it pass, since an object may have parts of its own; and nobody would ever call it.
  const misnamed = partsOf(instance).filter((name) => /^on[A-Z]/.test(name) || FUNCTIONS.some((known) => known.toLowerCase() === name.toLowerCase()));
  faults.push(...misnamed.map((name) => `create() gave ${name}, which nobody calls; called are ${FUNCTIONS.join(', ')}`));
  return faults;
}

/** Names of the functions of an instance beyond those that are called, those of its class too. */
function partsOf(instance: StrategyInstance): string[] {
  const names = new Set<string>();
  for (let object: object | null = instance; object !== null && object !== Object.prototype; object = Object.getPrototypeOf(object) as object | null) {
    for (const name of Object.getOwnPropertyNames(object)) names.add(name);
  }
  const known: readonly string[] = FUNCTIONS;
  return [...names].filter((name) => !known.includes(name) && typeof instance[name as keyof StrategyInstance] === 'function');
}

function checkDeterministic(subject: Subject): void {
  for (const seed of lives(subject).slice(0, 2)) {
    const alone = runScenario(subject.use, seed);
    const again = runScenario(subject.use, seed);
    // The second instance beside it is another pool with the same strategy.
    const besides = scenario(subject.use, seed + 1);
    const life = scenario(subject.use, seed);
    let step = life.next();
    for (; !step.done; step = life.next()) besides.next();
    compare(alone, again, 'the second run', 'it reads a clock or chance that is not the host\'s, or keeps state outside create()');
    compare(alone, step.value, 'the run beside another instance', 'two instances share state: move it from the module into create()');
  }
}

function checkFrontDoor(subject: Subject): void {
  const uses = forbiddenUses(subject);
  if (uses.length === 0) return;
  throw new Break({
    seen: uses.map(({ name, where }) => `${name} was called (${where})`).join('; '),
    sample: `${uses.length} of the forbidden names in six lives, some large pools and a reload`,
    probably: uses.map(({ name, instead }) => `${instead} in place of ${name}`).join(', '),
  });
}

function checkGrowth({ use, seed }: Subject): void {
  const perLease = bytesKeptPerLease(use, seed) ?? 0;
  if (perLease > 0) {
    throw new Break({
      seen: `${Math.round(perLease)} bytes more for each lease, after all of them had ended`,
      sample: '8 backends, 15,000 leases and then 60,000, each of another client, of which every fourth brings a new backend for an old one',
      probably: 'a Map or array that grows with leases, clients, requests or backends: take away in onEnd what onStart put there, side arrays by lease.slot, host.perBackend for backends, a limit for what is kept by client',
    });
  }
  const perPick = bytesKeptPerPick(use, seed) ?? 0;
  if (perPick === 0) return;
  throw new Break({
    seen: `${perPick.toFixed(1)} bytes more for each pick`,
    sample: '8 backends that stay, a million picks or a quarter of a second of them',
    probably: 'select keeps something of every pick: a history, a log, a list of draws',
  });
}

/** Asked after each pick, as often as there are members. */
function checkScore(subject: Subject): void {
  if (!strategyUnderTest(subject.use, world(subject)).instance.score) return;
  for (const seed of lives(subject).slice(0, 2)) {
    const asked = runScenario(subject.use, seed, { onPick: ({ strategy, exchange, step }) => {
      for (const member of strategy.members) {
        const score: unknown = strategy.instance.score!(member, exchange);
        if (member.weight === 0 || score === undefined || (typeof score === 'number' && !Number.isNaN(score))) continue;
        throw new Break({ seen: `score gave ${typeof score === 'number' ? score : typeof score}`, sample: `step ${step}: ${describePool([member], strategy.pool)}`, probably: '0 / 0, or a backend of which nothing is known yet: undefined says so' });
      }
    } });
    compare(runScenario(subject.use, seed), asked, 'the run in which scores were asked', 'score draws by chance, or counts something: it is asked for some picks only, and must leave all as it is');
  }
}

function checkReload(subject: Subject): void {
  const { use, seed } = subject;
  const run = (isReloaded: boolean): string[] => {
    const w = world({ seed });
    const first = strategyUnderTest(use, w);
    first.update(w.backends([{ weight: 3 }, { weight: 1 }, { weight: 2 }, { weight: 1 }]));
    const open = first.pick();
    const before = first.picks(17);
    const second = isReloaded ? first.reload() : first;
    // A lease of the old generation ends on the old instance.
    open?.end();
    return [...before, ...second.picks(40)].map((backend) => backend?.address ?? 'none');
  };
  checkOtherMembers(subject);
  const whole = run(false);
  const reloaded = run(true);
  if (reloaded.includes('none')) {
    throw new Break({ seen: 'the twin picked nothing', sample: '4 backends, 18 picks, then a reload', probably: 'adopt takes a snapshot for a list of members; update has told them' });
  }
  // Without a snapshot nothing was promised: a random order may go on otherwise.
  const fresh = strategyUnderTest(use, world({ seed }));
  fresh.update(world({ seed }).backends(3));
  if (!promisesReload(fresh.instance, fresh.host)) return;
  compare(whole, reloaded, 'the reloaded run', 'the snapshot leaves out state that later picks depend on, or adopt drops it when update came first');
}

/** A strategy over strategies promises no more than each of them does. */
function promisesReload(instance: { snapshot?: () => unknown }, host: FakeHost): boolean {
  return instance.snapshot?.() !== undefined && host.innerStrategies.every((inner, i) => promisesReload(inner, host.inner[i]!));
}

function compare(expected: readonly string[], actual: readonly string[], run: string, probably: string): void {
  const at = expected.findIndex((pick, index) => pick !== actual[index]);
  if (at < 0) return;
  throw new Break({ seen: `${run} picked ${actual[at]} at pick ${at + 1}, where the first picked ${expected[at]}`, sample: `${expected.length} picks`, probably });
}
