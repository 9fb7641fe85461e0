/** Binds a listener of the next generation while those of the present one hold their ports. */
import { SteelyardError } from '@steelyard/sdk';
import type { Listener } from './listener.ts';

/** @throws SteelyardError ERR_LISTEN, and says so when the port is held by a listener of this very balancer. */
export async function bindBeside(fresh: Listener, present: readonly Listener[]): Promise<void> {
  try {
    await fresh.bind();
  } catch (cause) {
    const own = present.find((listener) => listener.port === fresh.plan.config.port);
    throw own ? heldByUs(cause, fresh.plan.config, own) : cause;
  }
}

/** The port is taken by a listener of ours: says by which. Another failure is given back as it is. */
export function heldByUs(cause: unknown, { name, host, port }: { name: string; host: string; port: number }, own: { name: string; host: string }): unknown {
  const isTaken = (cause as { cause?: { code?: string } }).cause?.code === 'EADDRINUSE';
  if (!isTaken) return cause;
  return new SteelyardError('ERR_LISTEN', {
    message: `listener ${name} cannot listen on ${host}:${port}: this balancer itself holds port ${port}, by listener ${own.name} on ${own.host}`,
    hint: 'a listener that moves to another address on its port needs a restart, or a reload without it first',
    cause,
  });
}
