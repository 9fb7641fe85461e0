/**
 * Reloads when files change. Folders are watched, not files: editors replace a file by a rename, Kubernetes swaps a symbolic link
 * beside it, and a watch on the old file would hear nothing of either. What counts is the content.
 */
import { createHash } from 'node:crypto';
import { realpathSync, watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, type Logger } from '@steelyard/sdk';

/** One save is several events. */
const SETTLE_MS = 50;

export interface WatchOptions {
  /** Asked at first and after each `onChange`: what to watch now. */
  files: () => readonly string[];
  /** Calls never overlap. What it throws is its own affair. */
  onChange: () => Promise<void>;
  log: Logger;
  settleMs?: number;
}

export class FileWatch {
  readonly #options: WatchOptions;
  readonly #folders = new Map<string, FSWatcher>();
  #contents = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isClosed = false;

  private constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Resolves when changes from now on are seen. */
  static async open(options: WatchOptions): Promise<FileWatch> {
    const opened = new FileWatch(options);
    await opened.#follow(await readContents(options.files()));
    return opened;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** Watches the folders of the files of now; `seen` is what was read of them last. */
  async #follow(seen: Map<string, string>): Promise<void> {
    const files = this.#options.files();
    const wanted = new Set(files.flatMap((file) => [dirname(file), dirname(targetOf(file))]));
    for (const [folder, watcher] of this.#folders) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#folders.delete(folder);
    }
    for (const folder of wanted) if (!this.#folders.has(folder)) this.#watchFolder(folder);
    const unseen = await readContents(files.filter((file) => !seen.has(file)));
    this.#contents = new Map(files.flatMap((file) => (seen.has(file) || unseen.has(file) ? [[file, seen.get(file) ?? unseen.get(file)!]] : [])));
  }

  #watchFolder(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#lookSoon());
      watcher.on('error', (error) => {
        this.#options.log.warn({ folder }, `cannot watch ${folder} any longer: ${describeError(error)}`);
        watcher.close();
        this.#folders.delete(folder);
      });
      this.#folders.set(folder, watcher);
    } catch (thrown) {
      this.#options.log.warn({ folder }, `cannot watch ${folder}: ${describeError(thrown)}`);
    }
  }

  #lookSoon(): void {
    clearTimeout(this.#timer);
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#look(), this.#options.settleMs ?? SETTLE_MS);
  }

  async #look(): Promise<void> {
    // What happens meanwhile is looked at afterwards.
    if (this.#isLooking) return this.#lookSoon();
    this.#isLooking = true;
    try {
      const now = await readContents([...this.#contents.keys()]);
      const changed = [...now].filter(([file, hash]) => this.#contents.get(file) !== hash).map(([file]) => file);
      if (changed.length === 0 || this.#isClosed) return;
      this.#options.log.info({ files: changed }, `changed: ${changed.join(', ')}`);
      await this.#options.onChange();
      // Compared with what was there before the reload: a change during it is a change.
      if (!this.#isClosed) await this.#follow(new Map([...this.#contents, ...now]));
      this.#lookSoon();
    } catch (thrown) {
      this.#options.log.error(`watching failed: ${describeError(thrown)}`);
    } finally {
      this.#isLooking = false;
    }
  }
}

/** A file that is not there has no entry: it is being replaced, and its coming back will be heard. */
async function readContents(files: readonly string[]): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for (const file of files) {
    const bytes = await readFile(file).catch(() => undefined);
    if (bytes !== undefined) contents.set(file, createHash('sha256').update(bytes).digest('base64'));
  }
  return contents;
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
