/** Binds a listener of the next generation while those of the present one hold their ports. */
import { SteelyardError } from '@steelyard/sdk';
import type { Listener } from './listener.ts';

/** @throws SteelyardError ERR_LISTEN, and says so when the port is held by a listener of this very balancer. */
export async function bindBeside(fresh: Listener, present: readonly Listener[]): Promise<void> {
  try {
    await fresh.bind();
  } catch (cause) {
    const { port } = fresh.plan.config;
    const own = present.find((listener) => listener.port === port);
    const isTaken = (cause as { cause?: { code?: string } }).cause?.code === 'EADDRINUSE';
    if (!own || !isTaken) throw cause;
    throw new SteelyardError('ERR_LISTEN', {
      message: `cannot listen on ${fresh.host}:${port}: this balancer itself holds port ${port}, by listener ${own.name} on ${own.host}`,
      hint: 'a listener that moves to another address on its port needs a restart, or a reload without it first',
      cause,
    });
  }
}
