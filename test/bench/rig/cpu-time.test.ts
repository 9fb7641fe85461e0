import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { cpuTimeBetween, cpuTimeOf, treeOf } from './cpu-time.ts';

const SPIN_MS = 60;

describe.runIf(process.platform === 'linux')('CPU time', () => {
  it('of a process includes that of its children', async () => {
    // A shell that only waits, for a child that works, says so, and then only waits as well.
    const spin = `const until = process.cpuUsage().user + ${SPIN_MS} * 1000; while (process.cpuUsage().user < until); console.log('done'); process.stdin.resume();`;
    const shell = spawn('/bin/sh', ['-c', '"$0" -e "$1"; :', process.execPath, spin], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(shell.stdout, 'data');
      expect(treeOf(shell.pid!).length).toBe(2);
      // Run times are exact to less than a tick of the kernel (10 ms at most).
      expect(cpuTimeOf(shell.pid!).totalNs).toBeGreaterThan((SPIN_MS - 10) * 1e6);
    } finally {
      const ended = once(shell, 'exit');
      shell.stdin.end();
      await ended;
    }
  });

  it('is not compared when a process came or went', () => {
    const of = (pids: number[]) => ({ totalNs: 1, userNs: 1, systemNs: 0, pids });
    expect(() => cpuTimeBetween(of([1, 2]), of([1]))).toThrow('processes came or went');
    expect(cpuTimeBetween(of([1]), { ...of([1]), totalNs: 5 }).totalNs).toBe(4);
  });

  it('of a process that is gone is an error', () => {
    // Above the largest process id that Linux gives (2^22).
    expect(() => cpuTimeOf(2 ** 22 + 1)).toThrow('ENOENT');
  });
});
