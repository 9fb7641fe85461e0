/** The statuses that a check takes for good: single ones and ranges. */
import { SteelyardError } from '@steelyard/sdk';

export interface Statuses {
  include(status: number): boolean;
  /** For the reason of a failure: `200-299, 304`. */
  readonly text: string;
}

/** @throws SteelyardError ERR_PLUGIN_OPTIONS for a range whose end lies before its begin; the schema has seen to the rest. */
export function parseStatuses(expected: number | string | readonly (number | string)[]): Statuses {
  const ranges = [expected].flat().map((entry) => {
    const [first = NaN, last = first] = String(entry).split('-').map(Number);
    if (!(first <= last)) {
      throw new SteelyardError('ERR_PLUGIN_OPTIONS', { message: `http-check: expectStatus ${JSON.stringify(entry)} holds no status`, hint: "a range is written '200-399', the lower one first", source: 'config' });
    }
    return { first, last };
  });
  return {
    include: (status) => ranges.some(({ first, last }) => status >= first && status <= last),
    text: ranges.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(', '),
  };
}
