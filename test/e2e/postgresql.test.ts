/** A PostgreSQL cluster behind a tcp pool, driven by PostgreSQL's own clients. Beside it in the pool stands an address where nobody listens. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { start } from './support/balancer.ts';
import { deadPort } from './support/origin.ts';
import { launch, programs, run, serve, type Server } from './support/programs.ts';
import { tcpTo } from './support/tcp.ts';

/** Debian keeps the server's programs out of PATH: newest version first. */
function versionedFolders(): string[] {
  const top = '/usr/lib/postgresql';
  if (!existsSync(top)) return [];
  return readdirSync(top).sort((a, b) => Number(b) - Number(a)).map((version) => join(top, version, 'bin'));
}

const { paths, missing } = programs(['initdb', 'postgres', 'psql', 'pgbench'], versionedFolders());

/** The server refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid!() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

describe.skipIf(missing !== '')(`PostgreSQL${missing && ` (skipped: ${missing})`}`, () => {
  const env = { ...process.env, LC_ALL: 'C', PGPASSFILE: '/dev/null', PGUSER: 'postgres', PGDATABASE: 'postgres', PGHOST: '127.0.0.1', PGCONNECT_TIMEOUT: '10' };
  let folder = '';
  let direct = 0;
  let server: Server | undefined;

  beforeAll(async () => {
    const user = unprivileged();
    folder = mkdtempSync(join(tmpdir(), 'steelyard-postgresql-'));
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid!);
    const cluster = join(folder, 'cluster');
    direct = await deadPort();
    await run(paths.initdb, ['-D', cluster, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--no-locale'], { ...user, cwd: folder, env });
    const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'shared_buffers=16MB', 'logging_collector=off'].flatMap((setting) => ['-c', setting]);
    server = await serve(paths.postgres, ['-D', cluster, '-p', String(direct), ...settings], /ready to accept connections/, { ...user, cwd: folder, env });
  });
  afterAll(async () => {
    await server?.stop('SIGINT'); // its "fast shutdown"
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  async function balance(): Promise<number> {
    return (await start(tcpTo([`tcp://127.0.0.1:${direct}`, `tcp://127.0.0.1:${await deadPort()}`]))).port;
  }
  const psqlArgs = (port: number, sql: string): string[] => ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-p', String(port), '-c', sql];
  const psql = (port: number, sql: string, input = ''): Promise<Buffer> => run(paths.psql, psqlArgs(port, sql), { env, input });

  it('answers queries, a megabyte of answer too', async () => {
    const port = await balance();
    for (let i = 0; i < 2; i++) expect((await psql(port, 'select 6 * 7')).toString()).toBe('42\n');
    expect((await psql(port, "select repeat('x', 1000000)")).toString()).toBe(`${'x'.repeat(1_000_000)}\n`);
  });

  it('tells errors to its client', async () => {
    const port = await balance();
    await expect(psql(port, 'select 1 / 0')).rejects.toThrow('division by zero');
  });

  it('copies some megabytes in and out unchanged', async () => {
    const port = await balance();
    const rows = Array.from({ length: 60_000 }, (_, i) => `${i}\t${createHash('md5').update(String(i)).digest('hex').repeat(2)}\n`).join('');
    await psql(port, 'create table copied (id integer, content text)');
    await psql(port, 'copy copied from stdin', rows);
    const back = await psql(port, 'copy (select * from copied order by id) to stdout');
    expect(back.length).toBeGreaterThan(4_000_000);
    expect(back.equals(Buffer.from(rows))).toBe(true);
  });

  it('stands its own benchmark', async () => {
    const port = await balance();
    await run(paths.pgbench, ['-i', '-q', '-s', '1', '-p', String(port)], { env });
    const said = await run(paths.pgbench, ['-c', '4', '-j', '2', '-t', '100', '-p', String(port)], { env });
    expect(said.toString()).toContain('number of transactions actually processed: 400/400');
    expect((await psql(port, 'select count(*) from pgbench_history')).toString()).toBe('400\n');
  });

  it('is asked to cancel a query by a second connection', async () => {
    const port = await balance();
    const query = launch(paths.psql, psqlArgs(port, 'select pg_sleep(60)'), { env });
    const running = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'";
    while ((await psql(direct, running)).toString() !== '1\n');
    query.child.kill('SIGINT');
    const { code, stderr } = await query.ended;
    expect(code).not.toBe(0);
    expect(stderr).toContain('canceling statement due to user request');
    expect((await psql(direct, running)).toString()).toBe('0\n');
  });
});
