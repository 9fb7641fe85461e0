import { defineStrategy } from '@steelyard/sdk';
import { expect, it, vi } from 'vitest';
import { Faults } from '../../core/src/config/faults.ts';
import { checkOptions } from '../../core/src/config/options.ts';
import { ajv } from '../../core/src/config/shape.ts';

/** As a reload makes it: the same plugin, evaluated anew. */
const evaluated = (maximum: number) => defineStrategy<{ choices?: number }>({
  name: 'drawn',
  options: { choices: { type: 'integer', minimum: 2, maximum, default: 2 } },
  create: () => ({ update: () => {}, select: () => undefined }),
});

it('compiles a schema once, however often reloads make the same plugin anew: ajv gives no compiled code back', () => {
  const compile = vi.spyOn(ajv, 'compile');
  const faultsOf = (maximum: number, choices: number): string[] => {
    const faults = new Faults();
    checkOptions(evaluated(maximum)({ choices }), 'pools.web.strategy', faults);
    return faults.list.map(({ path }) => path);
  };
  expect(faultsOf(7, 7)).toEqual([]);
  const once = compile.mock.calls.length;
  expect(once).toBeGreaterThan(0);
  for (let reload = 0; reload < 5; reload++) expect(faultsOf(7, 8)).toEqual(['pools.web.strategy.choices']);
  expect(compile).toHaveBeenCalledTimes(once);
  // One that was edited is another schema.
  expect(faultsOf(8, 8)).toEqual([]);
  compile.mockRestore();
});

it('tells of a schema that ajv alone can see is none as a fault of the plugin', () => {
  const faults = new Faults();
  checkOptions(evaluated(Infinity)({ choices: 2 }), 'pools.web.strategy', faults);
  expect(faults.list).toMatchObject([{ path: 'pools.web.strategy', code: 'ERR_PLUGIN_DEFINITION', problem: expect.stringContaining('defined wrongly') as string }]);
});
