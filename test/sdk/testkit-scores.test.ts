/** Scores that say more than they may. */
import { describe, expect, it } from 'vitest';
import { available, brokenRules, byChance, strategy } from './broken-rules.ts';

describe('scores', () => {
  it('that are drawn by chance, or counted: another run of the same picks goes otherwise', () => {
    const draws = strategy('draws-scores', byChance, (host) => ({ score: () => host.random() }));
    expect(brokenRules(draws)['score']).toMatch(/the run in which scores were asked picked .* score draws by chance, or counts something/s);
    let asked = 0;
    const counts = strategy('counts-scores', () => {
      asked = 0;
      return (members, pool) => {
        const left = available(members, pool);
        return left[asked % Math.max(1, left.length)]?.backend;
      };
    }, () => ({ score: () => asked++ }));
    expect(Object.keys(brokenRules(counts, { ofInterest: /no pick/ }))).toEqual(['score']);
  });
  it('that divide nothing by nothing', () => {
    const told = brokenRules(strategy('rates', byChance, () => ({ score: ({ backend }) => backend.inFlight / backend.inFlight })));
    expect(told['score']).toMatch(/score gave NaN\n {2}sample: {3}step \d+ of life \d: 10\..*in-flight 0/);
  });
});
