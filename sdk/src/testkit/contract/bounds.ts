/**
 * How far a fair sample may stray, so that a correct strategy fails with a chance below one in a billion per check, whatever its seed.
 *
 * Hoeffding (JASA 58, 1963): a count X over N independent picks has P(|X - N·p| >= t) <= 2·exp(-2·t²/N). Over m counts (union bound) that is
 * 1e-9 at t = sqrt(N/2 · ln(2m/1e-9)). A strategy that keeps shares by a rule instead of by chance strays less.
 */
const FALSE_ALARM = 1e-9;

/** Most that any of `counts` counts over `picks` picks may stray from its mean. */
export function mostStray(picks: number, counts: number): number {
  return Math.sqrt((picks / 2) * Math.log((2 * counts) / FALSE_ALARM));
}

/** Picks after which each of n equally likely backends was picked: n·(1-1/n)^N <= n·e^(-N/n) is 1e-9 at N = n·ln(n/1e-9). */
export function picksToSeeAll(backends: number): number {
  return Math.ceil(backends * Math.log(backends / FALSE_ALARM));
}
