import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { FileWatch } from '../../core/src/cli/watch.ts';

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const opened: FileWatch[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const watch of opened.splice(0)) watch.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function watching(names: string[]) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'steelyard-watch-')));
  folders.push(folder);
  const at = (name: string): string => join(folder, name);
  for (const name of names) writeFileSync(at(name), 'first');
  const files = names.map(at);
  let changes = 0;
  let heard: (() => void) | undefined;
  const open = async (onChange: () => void | Promise<void> = () => {}): Promise<void> => {
    opened.push(await FileWatch.open({ files: () => files, log, settleMs: 5, onChange: async () => {
      changes += 1;
      await onChange();
      heard?.();
    } }));
  };
  /** Resolves at the next change; the test's own time limit is the failure. */
  const next = async (act: () => void): Promise<number> => {
    const isHeard = new Promise<void>((resolve) => { heard = resolve; });
    act();
    await isHeard;
    return changes;
  };
  return { at, files, open, next };
}

describe('FileWatch', () => {
  it('hears a write, a replacement by rename, and a change of what is behind a symbolic link that is swapped', async () => {
    const { at, files, open, next } = await watching(['a.ts']);
    mkdirSync(at('v1'));
    mkdirSync(at('v2'));
    writeFileSync(at('v1/mounted.ts'), 'one');
    writeFileSync(at('v2/mounted.ts'), 'two');
    symlinkSync('v1', at('..data'));
    symlinkSync('..data/mounted.ts', at('mounted.ts'));
    files.push(at('mounted.ts'));
    await open();
    expect(await next(() => writeFileSync(at('a.ts'), 'second'))).toBe(1);
    expect(await next(() => { writeFileSync(at('a.tmp'), 'third'); renameSync(at('a.tmp'), at('a.ts')); })).toBe(2);
    expect(await next(() => { symlinkSync('v2', at('..next')); renameSync(at('..next'), at('..data')); })).toBe(3);
    // Late enough for the look that follows each reload to be over; were it not, that look would hear it.
    expect(await next(() => setTimeout(() => writeFileSync(at('v2/mounted.ts'), 'three'), 50))).toBe(4);
  });

  it('hears no write that changes nothing, and no other file', async () => {
    const { at, open, next } = await watching(['a.ts']);
    await open();
    writeFileSync(at('a.ts'), 'first');
    writeFileSync(at('other.ts'), 'x');
    // The third write comes behind the two in the same folder: had they counted, this would be change 2 or 3.
    expect(await next(() => writeFileSync(at('a.ts'), 'second'))).toBe(1);
  });

  it('watches what the reload made it watch, in another folder too', async () => {
    const { at, files, open, next } = await watching(['a.ts']);
    mkdirSync(at('lib'));
    writeFileSync(at('lib/b.ts'), 'first');
    let isKnown = false;
    await open(() => {
      if (!isKnown) files.push(at('lib/b.ts'));
      isKnown = true;
    });
    await next(() => writeFileSync(at('a.ts'), 'second'));
    // `next` resolves within the first reload, and the new folder is watched soon after it: written until it is heard.
    let writes = 0;
    const writing = setInterval(() => writeFileSync(at('lib/b.ts'), `${writes++}`), 10);
    expect(await next(() => {})).toBeGreaterThan(1);
    clearInterval(writing);
  });

  it('hears a change that comes during the reload', async () => {
    const { at, open, next } = await watching(['a.ts']);
    let isFirst = true;
    await open(() => {
      if (isFirst) writeFileSync(at('a.ts'), 'third');
      isFirst = false;
    });
    await next(() => writeFileSync(at('a.ts'), 'second'));
    expect(await next(() => {})).toBe(2);
  });
});
