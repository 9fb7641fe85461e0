/** Clients that behave, at backends that behave: every one of them gets its own answer, whatever goes on around it. */
import type { Fate } from './fate.ts';
import { writeInTurn } from './raw.ts';
import type { Kind, World } from './traffic.ts';
import { Wire, type Ask } from './wire.ts';

/** Pools whose backends are well: some stay, some come and go by a reload, some by a discovery; the last has another name after each reload. */
const PATHS = ['/steady', '/churn/a', '/found/a', '/passing/a'];
const MOST_PIPELINED = 6;
const PIECES = 4;
const PIECE_PAUSE_MS = 15;

type Run = (world: World) => Promise<Fate>;

export const GOOD: readonly Kind[] = [
  good('GET', 40, (world) => kept(world, { method: 'GET', answerBytes: sizeOf(world) })),
  good('HEAD', 5, (world) => kept(world, { method: 'HEAD', answerBytes: sizeOf(world) })),
  good('POST', 15, (world) => kept(world, { method: 'POST', bodyBytes: sizeOf(world), answerBytes: sizeOf(world) })),
  good('PUT in chunks', 10, (world) => kept(world, { method: 'PUT', bodyBytes: 1 + sizeOf(world), isChunked: true, answerBytes: 100 })),
  good('GET of chunks', 10, (world) => kept(world, { method: 'GET', answerBytes: 1 + sizeOf(world), answerIsChunked: true })),
  good('GET on a new connection', 10, async (world) => {
    const wire = new Wire(world.ports.web);
    const fate = await wire.exchange(ask(world, { method: 'GET', answerBytes: sizeOf(world) }));
    wire.close();
    return fate;
  }),
  good('pipelined GETs', 4, async (world) => {
    const wire = world.take();
    const count = 2 + Math.floor(world.random() * (MOST_PIPELINED - 1));
    const fates = await Promise.all(Array.from({ length: count }, () => wire.exchange(ask(world, { method: 'GET', answerBytes: sizeOf(world) }))));
    world.giveBack(wire);
    return worstOf(fates);
  }),
  good('POST in pieces', 3, async (world) => {
    const wire = world.take();
    const fate = await wire.exchange(ask(world, { method: 'POST', bodyBytes: sizeOf(world), answerBytes: 10 }), (socket, bytes) => {
      const cuts = Array.from({ length: PIECES - 1 }, () => Math.floor(world.random() * bytes.length)).sort((a, b) => a - b);
      writeInTurn(socket, [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length)), PIECE_PAUSE_MS);
    });
    world.giveBack(wire);
    return fate;
  }),
];

function good(name: string, weight: number, run: Run): Kind {
  return { name, weight, run, allows: [], excusedBy: ['worker'] };
}

function ask(world: World, parts: Partial<Ask> & Pick<Ask, 'method'>): Ask {
  return { id: world.nextId(), path: PATHS[Math.floor(world.random() * PATHS.length)]!, ...parts };
}

/** On a connection that is kept. */
export async function kept(world: World, parts: Partial<Ask> & Pick<Ask, 'method'>): Promise<Fate> {
  const wire = world.take();
  const fate = await wire.exchange(ask(world, parts));
  world.giveBack(wire);
  return fate;
}

export function worstOf(fates: readonly Fate[]): Fate {
  return fates.find(({ kind }) => kind === 'wrong' || kind === 'late') ?? fates.find(({ kind }) => kind !== 'answered') ?? fates[0]!;
}

/** Bytes: mostly small, now and then hundreds of thousands. */
export function sizeOf({ random }: Pick<World, 'random'>): number {
  const [class_, share] = [random(), random()];
  if (class_ < 0.4) return Math.floor(share * 200);
  if (class_ < 0.85) return Math.floor(1_000 + share * 10_000);
  if (class_ < 0.97) return Math.floor(60_000 + share * 20_000);
  return Math.floor(300_000 + share * 700_000);
}
