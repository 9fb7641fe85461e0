/** Where the proxies send everything: three backends in one process of nginx; for uploads, three in one of Node. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './rig/programs.ts';
import type { Ports } from './rig/ports.ts';
import type { Rig } from './rig/rig.ts';

export const ORIGIN_BODY = 'steelyard bench: 21 B';
export const KIB = 1_024;
export const MIB = 1_024 * KIB;

/** Files that the origin serves, by name. */
export const PAGES = { '1k': KIB, '64k': 64 * KIB, '1m': MIB, '100m': 100 * MIB, chunked: 64 * KIB } as const;

export type OriginPorts = readonly [number, number, number];

export interface Origin {
  pages: OriginPorts;
  uploads: OriginPorts;
  /** A file to upload, by its size. */
  fileOf: (page: keyof typeof PAGES) => string;
  /** For the report. */
  description: string;
}

/** @throws when there is no nginx */
export async function startOrigin(rig: Rig, ports: Ports, core: number): Promise<Origin> {
  const nginx = findProgram('nginx', '-v');
  if (!nginx) throw new Error('nginx is the origin, and is not installed: apt-get install nginx');
  const folder = join(rig.folder, 'pages');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(PAGES)) writePage(join(folder, name), bytes);
  const threePorts = async (): Promise<OriginPorts> => [await ports.next(), await ports.next(), await ports.next()];
  const [pages, uploads] = [await threePorts(), await threePorts()];
  const file = rig.render(new URL('origin/nginx.conf', import.meta.url), 'origin.conf', {
    USER_LINE: nginxUserLine(), FOLDER: rig.folder, PORT_1: pages[0], PORT_2: pages[1], PORT_3: pages[2], BODY: ORIGIN_BODY,
  });
  await rig.start({ name: 'origin', command: nginx.file, args: ['-p', rig.folder, '-e', 'stderr', '-c', file], core, port: pages[2] });
  const script = fileURLToPath(new URL('origin/uploads.ts', import.meta.url));
  const env = { BENCH_BODY: ORIGIN_BODY, BENCH_ORIGIN_PORTS: uploads.join(',') };
  await rig.start({ name: 'uploads', command: process.execPath, args: [script], env, core, port: uploads[2] });
  return { pages, uploads, fileOf: (page) => join(folder, page), description: `nginx ${nginx.version}, one worker; for uploads Node ${process.versions.node}` };
}

/** Letters; of large files only the first and the last MiB are on the disk, the rest reads as zeros. */
function writePage(file: string, bytes: number): void {
  const letters = Buffer.alloc(Math.min(bytes, MIB), 'steelyard ');
  writeFileSync(file, letters);
  if (bytes <= MIB) return;
  const descriptor = openSync(file, 'r+');
  ftruncateSync(descriptor, bytes);
  writeSync(descriptor, letters, 0, MIB, bytes - MIB);
  closeSync(descriptor);
}

/** As root nginx gives its worker to `nobody`, who cannot enter the temp folder; as someone else it ignores `user` with a warning. */
export function nginxUserLine(): string {
  return process.getuid?.() === 0 ? 'user root;' : '';
}
