/** Worker threads where the process matters: its end, its signals, its log, its memory. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namedOrigin } from './support/origin.ts';
import { runCommand } from './workers/process.ts';
import { ask, askBoth, CONFIG_FILE, holdingOrigin, until } from './workers/support.ts';

describe('the command with two workers', () => {
  it('writes every line whole, each of one worker, and ends with 0 when the exchanges under way are over', async () => {
    const origin = await holdingOrigin();
    const { port, text, signal, line, exit } = await runCommand({ backends: [origin.url] });
    const releasing = setInterval(() => origin.release(), 2);
    onTestFinished(() => clearInterval(releasing));
    // 2.5 MB, more than a pipe holds and less than a thread may have waiting, should one of them get it all.
    await Promise.all(Array.from({ length: 16 }, () => ask(port, '/chatter')));
    await askBoth(port);
    clearInterval(releasing);
    const held = Promise.all(Array.from({ length: 6 }, () => ask(port)));
    await until(() => origin.held.length === 6);
    signal('SIGTERM');
    await line(({ msg }) => msg.startsWith('SIGTERM'));
    await until(async () => !(await isOpen(port)));
    origin.release();
    expect((await held).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(await exit).toBe(0);
    const lines = text().trimEnd().split('\n').map((each) => JSON.parse(each) as Record<string, unknown>);
    const chatter = lines.filter(({ msg }) => msg === 'chatter');
    expect(chatter).toHaveLength(16 * 100);
    expect(new Set(chatter.map(({ worker }) => worker))).toEqual(new Set([1, 2]));
    expect(Math.max(...text().split('\n').map((each) => Buffer.byteLength(each)))).toBeLessThan(4_096);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('ends at once at the second signal, also with a worker that never comes back', async () => {
    const { url } = await namedOrigin('x');
    const { port, signal, line, exit } = await runCommand({ backends: [url], stallLimitMs: 600_000 });
    const spinning = ask(port, '/spin').catch(() => 'lost');
    await line(({ msg }) => msg === 'about to spin');
    signal('SIGTERM');
    await line(({ msg }) => msg.startsWith('SIGTERM'));
    signal('SIGTERM');
    expect(await exit).toBe(1);
    expect(await spinning).toBe('lost');
  });

  it('ends with 0 when a worker stalls: the watchdog ends that one', async () => {
    const { url } = await namedOrigin('x');
    const { port, signal, line, exit } = await runCommand({ backends: [url], stallLimitMs: 400 });
    const spinning = ask(port, '/spin').catch(() => 'lost');
    await line(({ msg }) => msg === 'about to spin');
    signal('SIGTERM');
    await line(({ msg }) => /worker \d did not stop in order: .*silent for 400 ms/.test(msg));
    expect([await spinning, await exit]).toEqual(['lost', 0]);
  });

  it('goes on when a worker runs out of memory, which is replaced', async () => {
    const { url } = await namedOrigin('x');
    const { port, line, signal, exit } = await runCommand({ backends: [url], stallLimitMs: 60_000 }, '--max-old-space-size=48');
    await ask(port, '/eat').catch(() => {});
    await line(({ msg }) => /worker \d has ended: .*memory/.test(msg));
    await line(({ msg }) => msg.includes('was replaced'));
    await askBoth(port);
    signal('SIGTERM');
    expect(await exit).toBe(0);
  });
});

describe('a program with a balancer inside', () => {
  it('ends by itself after starts that were refused, by the port and by a worker, and after stops at any moment', async () => {
    const holder = net.createServer().listen({ port: 0, host: '127.0.0.1', reusePort: true });
    await once(holder, 'listening');
    onTestFinished(() => void holder.close());
    const { port } = holder.address() as net.AddressInfo;
    const stdout = await runProgram(`
      import { createBalancer } from '@steelyard/core';
      const want = (wanted) => {
        process.env.WORKERS_TEST = JSON.stringify({ backends: ['http://127.0.0.1:9'], ...wanted });
        delete process.env.FIRST_WORKER;
        return createBalancer({ configFile: ${JSON.stringify(CONFIG_FILE)}, workers: 2 });
      };
      const refusal = (starting) => starting.then(() => 'none', (error) => error.code + ' ' + error.message);
      console.log('refused:', await refusal(want({ port: ${port} }).start()));
      console.log('refused:', await refusal(want({ fails: 'later' }).start()));
      const balancer = want({});
      await balancer.start();
      const reloading = balancer.reload();
      await Promise.all([reloading, balancer.stop(), balancer.stop()]);
      const other = want({});
      await Promise.all([other.start(), other.stop()]);
      console.log('open:', process.getActiveResourcesInfo().filter((kind) => !['PipeWrap', 'TTYWrap', 'FSReqCallback', 'IntervalHistogram'].includes(kind)).join());`);
    expect(stdout).toMatch(/^refused: ERR_LISTEN .* in use/m);
    expect(stdout).toMatch(/^refused: ERR_PLUGIN_CREATE /m);
    expect(stdout).toMatch(/^open: $/m);
  });
});

/** Resolves with what it wrote when it has ended by itself with 0. Given on the command line, as people try things out: threads must not take that over. */
async function runProgram(text: string): Promise<string> {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '--eval', text], { cwd, timeout: 15_000 }, (error, out, err) => (error ? reject(new Error(`${error.message} ${out} ${err}`)) : resolve(out)));
  });
}

async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
