/** A plugin beside a config, named by its path. */
import { defineStrategy, type AnyStrategyUse } from '@steelyard/sdk';

export default defineStrategy<{ over: AnyStrategyUse }>({ name: 'beside', options: { over: { type: 'strategy' } }, create: () => ({ update: () => {}, select: () => undefined }) });
