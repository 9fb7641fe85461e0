import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { strategyUnderTest, testStrategy, world } from '@steelyard/sdk/testkit';
import sameZone from './index.ts';

describe('same-zone', () => {
  // Each rule of the contract becomes a test of this runner.
  testStrategy(sameZone({ zone: 'a' }), { test, properties: { everyBackend: true } });

  it('takes those of its zone in turn, and the others when none of them is available', () => {
    const w = world({ seed: 7 });
    const strategy = strategyUnderTest(sameZone({ zone: 'a' }), w);
    const [first, second, far] = w.backends([{ zone: 'a' }, { zone: 'a' }, { zone: 'b' }]);
    assert.ok(first && second && far);
    strategy.update([first, second, far]);
    const picks = Array.from({ length: 4 }, () => strategy.select()?.id);
    assert.deepEqual(new Set(picks), new Set([first.id, second.id]));
    assert.equal(picks[0], picks[2]);

    first.health = 'down';
    assert.equal(strategy.select(), second);
    second.draining = true;
    assert.equal(strategy.select(), far);
    far.health = 'down';
    assert.equal(strategy.select(), undefined);
  });
});
