import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { closeSync, constants, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { describeError, withDefaults } from '@steelyard/sdk';
import type { Backend, Exchange, PluginDefinition, Result } from '@steelyard/sdk';
import { world } from '@steelyard/sdk/testkit';
import type { FakeHost, World } from '@steelyard/sdk/testkit';
import accessLog from '@steelyard/plugins/access-log';
import type { AccessLogOptions } from '@steelyard/plugins/access-log';
import { commonLine, jsonLine, MAX_LINE_BYTES } from '../../plugins/access-log/lines.ts';
import type { LineOptions } from '../../plugins/access-log/lines.ts';
import { openSink } from '../../plugins/access-log/sink.ts';
import type { Sink } from '../../plugins/access-log/sink.ts';

const AT = Date.UTC(2026, 10, 23, 0, 58, 51, 123);
const safe: LineOptions = { query: false, user: false, combined: true };

function exchange(request: Partial<{ method: string; target: string; version: string; host: string }> = {}, headers: Record<string, string> = {}, clientAddress = '203.0.113.7'): Exchange {
  return {
    id: 1, protocol: 'http', clientAddress, attempts: 1, startedAt: 0, connection: { listener: 'web' }, route: { name: 'api', pool: 'api' },
    request: { method: 'GET', target: '/a', version: '1.1', host: 'example.org', ...request, header: (name: string) => headers[name] },
  } as unknown as Exchange;
}

function result(more: Partial<Result> = {}): Result {
  return {
    status: 200, backend: { id: 'api/http://10.0.0.1:80' } as Backend, attempts: 1, answeredBy: 'backend', abortedBy: undefined, code: '',
    bytesFromClient: 120, bytesToClient: 2326, firstByteMs: 1.23456, durationMs: 2.5, ...more,
  };
}

describe('common and combined lines', () => {
  it('are those of Apache and NCSA', () => {
    const headers = { referer: 'http://www.example.com/start.html', 'user-agent': 'Mozilla/4.08 [en] (Win98; I ;Nav)', authorization: `Basic ${btoa('frank:secret')}` };
    const given = exchange({ target: '/apache_pb.gif', version: '1.0' }, headers);
    expect(commonLine(given, result(), AT, { query: false, user: true, combined: false })).toBe(
      '203.0.113.7 - frank [23/Nov/2026:00:58:51 +0000] "GET /apache_pb.gif HTTP/1.0" 200 2326\n',
    );
    expect(commonLine(given, result(), AT, { ...safe, user: true })).toBe(
      '203.0.113.7 - frank [23/Nov/2026:00:58:51 +0000] "GET /apache_pb.gif HTTP/1.0" 200 2326 ' +
        '"http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"\n',
    );
  });

  it('say - for what is not there', () => {
    expect(commonLine(exchange({ method: '', target: '' }), result({ status: 400, bytesToClient: 0 }), AT, safe)).toBe(
      '203.0.113.7 - - [23/Nov/2026:00:58:51 +0000] "-" 400 - "-" "-"\n',
    );
  });

  it('name the listener of a TCP exchange, whose status is 000', () => {
    const tcp = { protocol: 'tcp', clientAddress: '::1', connection: { listener: 'redis' } } as unknown as Exchange;
    expect(commonLine(tcp, result({ status: 0, bytesToClient: 5 }), AT, { ...safe, combined: false })).toBe('::1 - - [23/Nov/2026:00:58:51 +0000] "TCP redis" 000 5\n');
  });

  it('show the second in which the request came, whatever the line before showed', () => {
    const times = [AT, AT + 876, AT + 877, AT].map((at) => /\[.*?\]/.exec(commonLine(exchange(), result(), at, safe))![0]);
    expect(times.map((time) => time.slice(-9, -7))).toEqual(['51', '51', '52', '51']);
  });
});

describe('JSON lines', () => {
  it('hold every fact of the result', () => {
    const line = jsonLine(exchange({}, { 'user-agent': 'curl/8' }), result({ attempts: 2, code: 'ERR_CLIENT_CLOSED', abortedBy: 'client' }), AT, safe);
    expect(JSON.parse(line)).toEqual({
      time: '2026-11-23T00:58:51.123Z', listener: 'web', protocol: 'http', clientAddress: '203.0.113.7', method: 'GET', host: 'example.org', target: '/a', route: 'api',
      status: 200, bytesFromClient: 120, bytesToClient: 2326, durationMs: 2.5, firstByteMs: 1.235, backend: 'api/http://10.0.0.1:80', attempts: 2,
      answeredBy: 'backend', abortedBy: 'client', code: 'ERR_CLIENT_CLOSED', userAgent: 'curl/8',
    });
  });

  it('leave out what has no value', () => {
    const tcp = { protocol: 'tcp', clientAddress: '::1', connection: { listener: 'redis' } } as unknown as Exchange;
    const unanswered = result({ status: 0, backend: undefined, attempts: 0, answeredBy: 'nobody', firstByteMs: -1, bytesToClient: 0 });
    expect(Object.keys(JSON.parse(jsonLine(tcp, unanswered, AT, safe)) as object)).toEqual([
      'time', 'listener', 'protocol', 'clientAddress', 'status', 'bytesFromClient', 'bytesToClient', 'durationMs', 'attempts', 'answeredBy',
    ]);
  });
});

describe('secrets', () => {
  const given = exchange(
    { target: '/reset?token=s3cret' },
    { authorization: `Basic ${btoa('s3cret:s3cret')}`, cookie: 'id=s3cret', referer: 'https://x.test/?code=s3cret', 'proxy-authorization': 's3cret', 'user-agent': 'ua' },
  );

  it('are in no line by default: no query, no user, no header but Referer and User-Agent', () => {
    for (const line of [commonLine(given, result(), AT, safe), jsonLine(given, result(), AT, safe)]) {
      expect(line).not.toContain('s3cret');
      expect(line).toContain('/reset?***');
      expect(line).toContain('https://x.test/?***');
    }
  });

  it('are not told by the fragment or the user of a URI either, whose password no option shows', () => {
    for (const referer of ['https://s3cret:s3cret@x.test/', 'https://s3cret@x.test/?a#s3cret', 'https://x.test/#access_token=s3cret']) {
      const from = exchange({ target: 'http://s3cret:s3cret@example.org/' }, { referer });
      for (const line of [commonLine(from, result(), AT, safe), jsonLine(from, result(), AT, safe)]) expect(line).not.toContain('s3cret');
      expect(commonLine(from, result(), AT, safe)).toContain('x.test/');
    }
    const asked = exchange({ target: '/@a?b@c' }, { referer: 'https://ann:s3cret@x.test/?q=1#f' });
    expect(commonLine(asked, result(), AT, { query: true, user: true, combined: true })).toContain('"GET /@a?b@c HTTP/1.1" 200 2326 "https://***@x.test/?q=1#f"');
  });

  it('are in it when the options say so, a password never', () => {
    const open = { query: true, user: true, combined: true };
    const login = exchange({ target: '/?q=1' }, { authorization: `basic ${btoa('a b"\u0001:hunter2')}`, referer: 'http://r/?x' });
    expect(commonLine(login, result(), AT, open)).toContain('- a\\x20b\\"\\x01 [23/Nov/2026:00:58:51 +0000] "GET /?q=1 HTTP/1.1" 200 2326 "http://r/?x"');
    expect((JSON.parse(jsonLine(login, result(), AT, open)) as { user: string }).user).toBe('a b"\u0001');
    expect(jsonLine(login, result(), AT, open)).not.toContain('hunter2');
  });
});

describe('a client that forges', () => {
  const nasty = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\r', ' ', '[', ']', '\u001b', '\u0085', '\u009b', '\u2028', '\0', '\u007f', 'é', '\ud800'), fc.string({ minLength: 1, maxLength: 1 })) });
  const forged = fc.record({ method: nasty, target: nasty, host: nasty, referer: nasty, agent: nasty, user: nasty, address: nasty });
  const options = { query: true, user: true, combined: true };
  const build = (f: { method: string; target: string; host: string; referer: string; agent: string; user: string; address: string }): Exchange =>
    exchange(f, { referer: f.referer, 'user-agent': f.agent, authorization: `Basic ${Buffer.from(`${f.user}:pw`).toString('base64')}` }, f.address);

  it('gets one line of printable ASCII with as many fields as any other', () => {
    const combined = /^[!-~]* - [!-~]+ \[[^\]]+\] "(?:[^"\\]|\\["\\]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})*" 200 2326 "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"\n$/;
    fc.assert(
      fc.property(forged, (f) => {
        const line = commonLine(build(f), result(), AT, options);
        return /^[ -~]+\n$/.test(line) && combined.test(line);
      }),
    );
  });

  it('gets back in JSON exactly what was sent, on one line of printable ASCII', () => {
    fc.assert(
      fc.property(forged, (f) => {
        const line = jsonLine(build(f), result(), AT, options);
        const { method = '', target = '', host = '', referer = '', userAgent = '', clientAddress } = JSON.parse(line) as Record<string, string>;
        return /^[ -~]+\n$/.test(line) && JSON.stringify([method, target, host, referer, userAgent, clientAddress]) === JSON.stringify([f.method, f.target, f.host, f.referer, f.agent, f.address]);
      }),
    );
  });

  it('gets a line that is cut and marked, never one that a pipe would tear', () => {
    for (const filler of ['a', '\u0001', '\u2028', '"']) {
      const long = build({ method: filler.repeat(60), target: filler.repeat(8000), host: filler.repeat(300), referer: filler.repeat(20_000), agent: filler.repeat(9000), user: filler.repeat(500), address: '::1' });
      const line = commonLine(long, result(), AT, options);
      expect(line.length).toBeLessThanOrEqual(MAX_LINE_BYTES);
      expect(line.split('[cut]').length).toBeGreaterThan(3);
      const json = jsonLine(long, result(), AT, options);
      expect(json.length).toBeLessThanOrEqual(MAX_LINE_BYTES);
      expect(JSON.parse(json)).toMatchObject({ cut: true, status: 200 });
    }
  });
});

describe('accessLog()', () => {
  let folder = '';
  let w: World;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'access-log-'));
    w = world({ wallTime: AT });
  });
  afterEach(async () => {
    await w.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One generation of the plugin. `respond` plays the end of an exchange of this generation: the world's hooks would tell all of them. */
  async function start(options: AccessLogOptions): Promise<{ host: FakeHost; respond: (exchange: Exchange, result: Result) => void }> {
    const use = accessLog(options);
    const definition = use.definition as unknown as PluginDefinition<AccessLogOptions>;
    const host = w.host('access-log');
    let respond: (exchange: Exchange, result: Result) => void = () => expect.unreachable('it tapped nothing');
    host.hooks.onResponse.tap = (fn) => void (respond = fn);
    await definition.setup(withDefaults(use.definition.options, use.options) as never, host);
    host.seal();
    return { host, respond };
  }
  const targets = (file: string): string[] => [...readFileSync(file, 'utf8').matchAll(/"GET (\S+) /g)].map((match) => match[1]!);
  async function eventually(rule: () => void): Promise<void> {
    await expect.poll(() => (rule(), true), { interval: 2, timeout: 5000 }).toBe(true);
  }

  it('writes to a file that others cannot read, at the latest after flushMs', async () => {
    const file = join(folder, 'a.log');
    const generation = await start({ destination: file, format: 'common', flushMs: 100 });
    generation.respond(exchange({ target: '/1' }), result());
    generation.respond(exchange({ target: '/2' }), result());
    w.advance(99);
    expect(readFileSync(file, 'utf8')).toBe('');
    w.advance(1);
    await eventually(() => expect(targets(file)).toEqual(['/1', '/2']));
    expect(readFileSync(file, 'utf8')).toMatch(/^203\.0\.113\.7 - - \[23\/Nov\/2026:00:58:51 \+0000\] "GET \/1 /);
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it('owes no line when the generation has ended', async () => {
    const file = join(folder, 'a.log');
    const generation = await start({ destination: file });
    // More than one batch, so that some of it is under way already.
    for (let i = 0; i < 1000; i++) generation.respond(exchange({ target: `/${i}` }), result());
    await generation.host.end();
    expect(targets(file)).toEqual(Array.from({ length: 1000 }, (_, i) => `/${i}`));
  });

  it('opens the file anew at a reload, for the old generation too, and loses nothing', async () => {
    const file = join(folder, 'a.log');
    const old = await start({ destination: file });
    old.respond(exchange({ target: '/before' }), result());
    renameSync(file, `${file}.1`);
    old.respond(exchange({ target: '/between' }), result());
    const next = await start({ destination: file });
    old.respond(exchange({ target: '/old' }), result());
    next.respond(exchange({ target: '/new' }), result());
    await old.host.end();
    await next.host.end();
    expect(targets(`${file}.1`)).toEqual(['/before', '/between']);
    expect(targets(file)).toEqual(['/old', '/new']);
  });

  it('refuses a reload whose file cannot be opened, and the old generation goes on writing', async () => {
    const inner = join(folder, 'logs');
    mkdirSync(inner);
    const file = join(inner, 'a.log');
    const old = await start({ destination: file });
    renameSync(inner, join(folder, 'moved'));
    await expect(start({ destination: file })).rejects.toMatchObject({ code: 'ERR_SHARED' });
    old.respond(exchange({ target: '/still' }), result());
    await old.host.end();
    expect(targets(join(folder, 'moved', 'a.log'))).toEqual(['/still']);
  });

  it('says which file cannot be opened, and what to look at', async () => {
    const file = join(folder, 'none', 'a.log');
    const thrown: unknown = await start({ destination: file }).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'ERR_SHARED' });
    expect(describeError(thrown)).toMatch(`access-log cannot open ${file}: ENOENT`);
    expect(describeError(thrown)).toMatch('(does the folder exist, and may this user write to it?)');
  });

  it('hands a pipe nothing but whole lines, of no more bytes than it takes in one piece', async () => {
    const pieces: string[] = [];
    const shapes: { dest: unknown; maxWrite: number }[] = [];
    const destination = (shape: { dest: unknown; maxWrite: number }): object => {
      shapes.push(shape);
      const stream = Object.assign(new EventEmitter(), { write(text: string) { pieces.push(text); queueMicrotask(() => stream.emit('drain')); } });
      queueMicrotask(() => stream.emit('ready'));
      return stream;
    };
    const sink = await openSink('', { destination });
    const lines = Array.from({ length: 500 }, (_, i) => `${String(i).repeat((i * 37) % 1300)}\n`);
    for (const line of lines) sink.write(line);
    await sink.drain();
    expect(pieces.join('')).toBe(lines.join(''));
    expect(pieces.every((piece) => piece.endsWith('\n') && piece.length <= 4096)).toBe(true);
    // sonic-boom puts pieces together up to `maxWrite`.
    expect(shapes).toMatchObject([{ dest: 1, maxWrite: 4096 }]);
  });

  it('writes to standard output, and owes no line when the process ends without a stop', async () => {
    const writer = spawn(process.execPath, [join(import.meta.dirname, 'access-log-writer.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    writer.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const [code] = (await once(writer, 'close')) as [number];
    const lines = text.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { target: string }).target);
    expect(lines).toEqual(Array.from({ length: 2000 }, (_, i) => `/${i}`));
    expect(code).toBe(7);
  });

  it('ends with the process when nobody reads its standard output any more, and counts what is lost', async () => {
    const orphan = spawn(process.execPath, [join(import.meta.dirname, 'access-log-orphan.ts')], { stdio: 'pipe' });
    onTestFinished(() => void orphan.kill('SIGKILL'));
    let told = '';
    orphan.stderr.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
    orphan.stdout.destroy();
    await once(orphan.stdout, 'close');
    orphan.stdin.write('go\n');
    const [code] = (await once(orphan, 'close')) as [number];
    expect(code).toBe(7);
    // The first of the five was under way.
    expect(told).toMatch(/^4 .*EPIPE/);
  });

  it('keeps lines while a pipe has no reader, says so, and gives them to the next one', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const read = (reader: number): string => {
      const bytes = Buffer.alloc(65_536);
      try {
        return bytes.toString('utf8', 0, readSync(reader, bytes));
      } catch {
        return '';
      }
    };
    const first = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const sink = await openSink(pipe, pino);
    const troubles: [reason: string, lines: number][] = [];
    sink.onTrouble = (reason, lines) => troubles.push([reason, lines]);
    sink.write('1\n');
    await sink.drain();
    expect(read(first)).toBe('1\n');
    closeSync(first);
    for (const line of ['2\n', '3\n', '4\n']) {
      sink.write(line);
      sink.flush();
    }
    await eventually(() => expect(troubles[0]).toEqual([expect.stringContaining('EPIPE'), 0]));
    const second = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    await sink.drain();
    expect(read(second)).toBe('2\n3\n4\n');
    expect(troubles.filter(([, lines]) => lines > 0)).toEqual([]);
    closeSync(second);
    sink.write('5\n6\n');
    await sink.close();
    expect(troubles.at(-1)).toEqual(['the destination stood still to the end', 2]);
  });

  it('counts what a destination does not take, and says so once a minute', async () => {
    const file = join(folder, 'a.log');
    const { host } = await start({ destination: file });
    const sink = await host.shared<Sink>(`destination:${file}`, () => expect.unreachable('it is open already'), () => {});
    sink.onTrouble('no space left', 0);
    sink.onTrouble('more waits than is kept', 12);
    expect(host.lines).toMatchObject([{ level: 'warn', fields: { destination: file, reason: 'no space left' } }]);
    expect(host.metrics.value('access_log_dropped_lines_total')).toBe(12);
    w.advance(60_000);
    sink.onTrouble('still', 1);
    expect(host.lines).toHaveLength(2);
  });
});
