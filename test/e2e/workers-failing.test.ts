/** Workers that stall, break or end: what it costs, and what it does not. Real threads, real sockets. */
import { describe, expect, it } from 'vitest';
import { namedOrigin } from './support/origin.ts';
import { ask, askBoth, holdingOrigin, startCrew, until, want } from './workers/support.ts';

describe('a worker that', () => {
  it('stalls is ended and replaced; what it had in flight is given back; counters go on', async () => {
    const origin = await holdingOrigin();
    const { port, balancer, line } = await startCrew({ backends: [{ url: origin.url, maxInFlight: 4 }], stallLimitMs: 1_500, metrics: true });
    const held = Promise.allSettled(Array.from({ length: 4 }, () => ask(port)));
    await until(() => origin.held.length === 4);
    const spinning = ask(port, '/spin').catch(() => 'lost');
    await line(({ msg }) => /worker \d has ended: it was silent for 1500 ms/.test(msg));
    expect(await spinning).toBe('lost');
    await line(({ msg }) => msg.includes('was replaced'));
    // What the other worker holds is still held.
    const others = origin.held.filter(({ destroyed }) => !destroyed).length;
    await until(() => balancer.ledger().inFlight === others);
    origin.release();
    await held;
    await until(() => balancer.ledger().inFlight === 0);
    const late = Promise.allSettled(Array.from({ length: 4 }, () => ask(port)));
    await until(() => origin.held.length === 4);
    origin.release();
    await late;
    await until(() => balancer.ledger().inFlight === 0 && balancer.ledger().leasesOpened === balancer.ledger().leasesClosed);
    const answers = askBoth(port);
    const releasing = setInterval(() => origin.release(), 5);
    await answers;
    clearInterval(releasing);
  });

  it('meets an exception that nobody caught drains while another takes its place', async () => {
    const origin = await holdingOrigin();
    const { port, line, balancer } = await startCrew({ backends: [origin.url] });
    const thrown = ask(port, '/throw');
    await until(() => origin.held.length === 1);
    await line(({ msg }) => msg.includes('uncaught exception') && msg.includes('thrown by behave'));
    await line(({ msg }) => msg.includes('was replaced'));
    // It was under way in the wounded one.
    origin.release();
    expect((await thrown).status).toBe(200);
    const releasing = setInterval(() => origin.release(), 5);
    await askBoth(port);
    clearInterval(releasing);
    await until(() => balancer.ledger().clientConnections === 0);
  });

  it('lets a promise go astray goes on; it is counted for its plugin', async () => {
    const { url } = await namedOrigin('x');
    const { port, line, balancer } = await startCrew({ backends: [url], metrics: true });
    expect((await ask(port, '/reject')).status).toBe(200);
    expect(await line(({ msg }) => msg.includes('unhandled rejection'))).toMatchObject({ err: { message: 'rejected by behave' } });
    const metrics = await (await fetch(`http://127.0.0.1:${balancer.describe().served[0]!.port}/metrics`)).text();
    expect(metrics).toMatch(/steelyard_plugin_failures_total\{plugin="[^"]+",hook="unhandledRejection"\} 1/);
    await askBoth(port);
  });

  it('ends the process ends itself alone', async () => {
    const { url } = await namedOrigin('x');
    const { port, line } = await startCrew({ backends: [url] });
    await ask(port, '/exit').catch(() => {});
    await line(({ msg }) => /worker \d has ended: its thread ended with code 3/.test(msg));
    await line(({ msg }) => msg.includes('was replaced'));
    await askBoth(port);
  });

  it('is missing, because its config file was edited, comes with the next reload', async () => {
    const { url } = await namedOrigin('x');
    const { port, line, balancer } = await startCrew({ backends: [url], mark: 'first' });
    want({ backends: [url], mark: 'second', ejectMs: 20_000 });
    await ask(port, '/exit').catch(() => {});
    await line(({ msg }) => msg.includes('could not be replaced') && msg.includes('is not what was loaded any more'));
    expect((await ask(port)).mark).toBe('first');
    await balancer.reload();
    expect([...(await askBoth(port)).values()].map(({ mark }) => mark)).toEqual(['second', 'second']);
  });
});
