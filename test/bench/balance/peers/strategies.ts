/** The strategies of Steelyard that are measured, by the name of each in the report, and simulated too. */
import expectedDelay from '@steelyard/plugins/expected-delay';
import leastConnections from '@steelyard/plugins/least-connections';
import leastTime from '@steelyard/plugins/least-time';
import p2c from '@steelyard/plugins/p2c';
import peakEwma from '@steelyard/plugins/peak-ewma';
import prequal from '@steelyard/plugins/prequal';

export const STRATEGIES = {
  // The paper's three probes a request, at 240 requests per second: the default limit of 200 a second would admit fewer.
  prequal: () => prequal({ probePath: '/load', probesPerSecond: 1_000 }),
  'prequal-hints': () => prequal(),
  'peak-ewma': () => peakEwma(),
  // All of them looked at, and a peak forgotten within the time that an antagonist stays.
  'peak-ewma-8': () => peakEwma({ choices: 8, decayMs: 1_000 }),
  'least-time': () => leastTime(),
  'expected-delay': () => expectedDelay(),
  p2c: () => p2c(),
  'least-connections': () => leastConnections(),
};
