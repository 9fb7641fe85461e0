import { defineStrategy, type StrategyUse } from '@steelyard/sdk';
import { describe, expect, it, vi } from 'vitest';
import { Faults } from '../../core/src/config/faults.ts';
import { checkOptions } from '../../core/src/config/options.ts';
import { ajv } from '../../core/src/config/shape.ts';

/** A definition of its own each time, as a reload reads the plugin's file anew. */
function plugin(most: number): (options: { size?: number }) => StrategyUse<'any'> {
  return defineStrategy<{ size?: number }>({
    name: 'sized', options: { size: { type: 'integer', minimum: 1, maximum: most, default: 3 } }, create: () => ({ update: () => {}, select: () => undefined }),
  });
}
function faultsOf(use: StrategyUse<'any'>): string[] {
  const faults = new Faults();
  checkOptions(use, 'strategy', faults);
  return faults.list.map(({ path, problem }) => `${path} ${problem}`);
}

describe('the schema of a plugin', () => {
  it('is compiled once, however often a reload reads it: the compiler keeps all that it ever compiled', () => {
    faultsOf(plugin(111)({ size: 1 }));
    const compile = vi.spyOn(ajv, 'compile');
    for (let reload = 0; reload < 10; reload++) expect(faultsOf(plugin(111)({ size: 111 }))).toEqual([]);
    expect(compile).not.toHaveBeenCalled();
    compile.mockRestore();
  });
  it('is another one when anything in it is another', () => {
    expect(faultsOf(plugin(222)({ size: 222 }))).toEqual([]);
    expect(faultsOf(plugin(221)({ size: 222 }))).toEqual([expect.stringContaining('strategy.size (sized)')]);
  });
  it('is a fault of the plugin when only the compiler can see that it is none', () => {
    const faults = new Faults();
    checkOptions(plugin(Infinity)({ size: 2 }), 'pools.web.strategy', faults);
    expect(faults.list).toMatchObject([{ path: 'pools.web.strategy', code: 'ERR_PLUGIN_DEFINITION', problem: expect.stringContaining('defined wrongly') as string }]);
  });
});
