/** A host for health checks whose probes answer as the test says. */
import { withDefaults, type AnyOptionsSchema, type Backend, type HealthCheckInstance, type HealthCheckUse, type Host, type ProbeRequest, type ProbeResponse } from '@steelyard/sdk';

export interface SeenProbe {
  backend: Backend;
  request: ProbeRequest | undefined;
  signal: AbortSignal;
}

export function probeHost(answer: (probe: SeenProbe) => ProbeResponse | undefined | Promise<ProbeResponse | undefined>) {
  const probes: SeenProbe[] = [];
  const host: Pick<Host, 'probe'> = {
    probe: async (backend, request, signal) => {
      const seen = { backend, request, signal };
      probes.push(seen);
      return await answer(seen);
    },
  };
  return { host: host as Host, probes };
}

/** The check as core makes it: options with their defaults. */
export function created(use: HealthCheckUse, host: Host): HealthCheckInstance {
  return use.definition.create(withDefaults(use.definition.options, use.options) as never, host);
}

export function defaultsOf(factory: { definition: { options: AnyOptionsSchema } }): Record<string, unknown> {
  return withDefaults(factory.definition.options, {});
}
