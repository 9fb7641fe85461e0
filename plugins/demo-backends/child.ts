/** One demo backend seen from the parent: started, heard until it tells its port, ended. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A process tells its port in about 50 ms; a discovery must publish within 10 s. Milliseconds. */
const START_LIMIT_MS = 8000;
/** Between the request to end and SIGKILL; the process itself finishes within 1 s. Milliseconds. */
const END_LIMIT_MS = 2000;

/** @throws Error with what the process said on stderr, when it does not tell its port. */
export async function startProcess(number: number): Promise<{ child: ChildProcess; port: number }> {
  // Beside this file, under the name that it has here: `.ts` in a checkout, `.js` in the package.
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const file = fileURLToPath(new URL(`./backend-process${extension}`, import.meta.url));
  const child = fork(file, [String(number)], {
    // Options of this process's Node (inspector port, loaders) are not meant for it.
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)));
  try {
    const [message] = (await Promise.race([
      once(child, 'message', { signal: AbortSignal.timeout(START_LIMIT_MS) }),
      // `close`, not `exit`: by then all that it said on stderr is here.
      once(child, 'close').then(([code]) => Promise.reject(new Error(`it ended with exit code ${code}: ${complaint.trim()}`))),
    ])) as [{ port: number }];
    // The processes must not hold a program that has nothing else to do: they end with it.
    child.unref();
    child.channel?.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
    return { child, port: message.port };
  } catch (thrown) {
    child.kill('SIGKILL');
    throw new Error(`demo backend ${number} did not start`, { cause: thrown });
  }
}

/** Resolves when it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const isGone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // The end of the channel is the request to end: it is what a dying parent sends as well.
  if (child.connected) child.disconnect();
  const limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
  await isGone;
  clearTimeout(limit);
}
