/** A strategy by somebody who has installed `@steelyard/sdk` and nothing else of Steelyard. */
import { defineStrategy } from '@steelyard/sdk';
import type { Backend, PoolView } from '@steelyard/sdk';

export interface SameZoneOptions {
  /** Where this balancer stands: backends with this `zone` come first, the others only when none of them is available. */
  zone: string;
}

export default defineStrategy<SameZoneOptions>({
  name: 'same-zone',
  description: 'backends in the own zone first, in turn',
  options: { zone: { type: 'string', minLength: 1 } },
  create({ zone }) {
    let near: Backend[] = [];
    let far: Backend[] = [];
    let turn = 0;
    const next = (backends: readonly Backend[], pool: PoolView): Backend | undefined => {
      for (let i = 0; i < backends.length; i++) {
        turn = (turn + 1) % backends.length;
        const backend = backends[turn];
        if (backend !== undefined && pool.isAvailable(backend)) return backend;
      }
      return undefined;
    };
    return {
      update(members) {
        const used = members.flatMap(({ backend, weight }) => (weight > 0 ? [backend] : []));
        near = used.filter((backend) => backend.zone === zone);
        far = used.filter((backend) => backend.zone !== zone);
      },
      select: (_exchange, pool) => next(near, pool) ?? next(far, pool),
    };
  },
});
