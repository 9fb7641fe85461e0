/** Three backends, one process: nginx, or Node where there is no nginx. */
import { fileURLToPath } from 'node:url';
import { findProgram } from './rig/programs.ts';
import type { Ports } from './rig/ports.ts';
import type { Rig } from './rig/rig.ts';

export const ORIGIN_BODY = 'steelyard bench: 21 B';

export interface Origin {
  ports: [number, number, number];
  /** For the report. */
  description: string;
}

export async function startOrigin(rig: Rig, ports: Ports, core: number): Promise<Origin> {
  const [one, two, three] = [await ports.next(), await ports.next(), await ports.next()];
  const nginx = findProgram('nginx', '-v');
  if (nginx) {
    const file = rig.render(new URL('origin/nginx.conf', import.meta.url), 'origin.conf', {
      USER_LINE: nginxUserLine(), FOLDER: rig.folder, PORT_1: one, PORT_2: two, PORT_3: three, BODY: ORIGIN_BODY,
    });
    await rig.start({ name: 'origin', command: nginx.file, args: ['-p', rig.folder, '-e', 'stderr', '-c', file], core, port: one });
    return { ports: [one, two, three], description: `nginx ${nginx.version}, one worker` };
  }
  const script = fileURLToPath(new URL('origin/node.ts', import.meta.url));
  const env = { BENCH_BODY: ORIGIN_BODY, BENCH_ORIGIN_PORTS: [one, two, three].join(',') };
  await rig.start({ name: 'origin', command: process.execPath, args: [script], env, core, port: three });
  return { ports: [one, two, three], description: `Node ${process.versions.node}, because nginx is missing: throughput and latency are limited by it` };
}

/** As root nginx gives its worker to `nobody`, who cannot enter the temp folder; as someone else it ignores `user` with a warning. */
export function nginxUserLine(): string {
  return process.getuid?.() === 0 ? 'user root;' : '';
}
