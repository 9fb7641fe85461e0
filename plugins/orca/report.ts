/**
 * Load reports of backends in a response header, in the three forms of the Open Request Cost Aggregation (`xds.data.orca.v3.OrcaLoadReport`):
 * `endpoint-load-metrics: TEXT cpu_utilization=0.3, rps_fractional=120.5`, the same with `JSON {...}` or `BIN <base64>`, and the latter without its prefix
 * in `endpoint-load-metrics-bin`.
 */

export interface LoadReport {
  /** 0 to 1, above it when overloaded. */
  cpuUtilization: number;
  /** The application's own word; 0 = it has none. */
  applicationUtilization: number;
  /** Requests per second. */
  rps: number;
  /** Errors per second. */
  eps: number;
}

/** Longer ones are of no interest: the named metrics of a large application. */
const MOST_CHARACTERS = 16_384;

const NAMES: Readonly<Record<string, keyof LoadReport>> = {
  cpu_utilization: 'cpuUtilization', application_utilization: 'applicationUtilization', rps_fractional: 'rps', eps: 'eps',
  // JSON of protobuf writes names so.
  cpuUtilization: 'cpuUtilization', applicationUtilization: 'applicationUtilization', rpsFractional: 'rps',
};
/** Numbers of the fields in the protobuf message. All four are doubles. */
const FIELDS: Readonly<Record<number, keyof LoadReport>> = { 1: 'cpuUtilization', 6: 'rps', 7: 'eps', 9: 'applicationUtilization' };

/** @param text the header's value. `undefined` = it is none. */
export function parseReport(text: string, isBinary = false): LoadReport | undefined {
  if (text.length > MOST_CHARACTERS) return undefined;
  if (isBinary) return fromBinary(text);
  const space = text.indexOf(' ');
  const body = text.slice(space + 1);
  switch (text.slice(0, Math.max(0, space)).toUpperCase()) {
    case 'TEXT':
      return fromPairs(body.split(',').map((pair) => pair.split('=').map((part) => part.trim())));
    case 'JSON':
      return fromJson(body);
    case 'BIN':
      return fromBinary(body);
    default:
      return undefined;
  }
}

function fromPairs(pairs: readonly (readonly unknown[])[]): LoadReport | undefined {
  const report: LoadReport = { cpuUtilization: 0, applicationUtilization: 0, rps: 0, eps: 0 };
  let isAny = false;
  for (const [name, given] of pairs) {
    const field = typeof name === 'string' && Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    const value = typeof given === 'number' ? given : Number(typeof given === 'string' && given !== '' ? given : NaN);
    if (field === undefined) continue;
    // Half a report is worse than none.
    if (!(value >= 0 && value < Infinity)) return undefined;
    report[field] = value;
    isAny = true;
  }
  return isAny ? report : undefined;
}

function fromJson(body: string): LoadReport | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? fromPairs(Object.entries(parsed)) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the doubles and passes over the rest (protobuf's wire format: varint, 64-bit, length-delimited, 32-bit). */
function fromBinary(body: string): LoadReport | undefined {
  const bytes = Buffer.from(body, 'base64');
  const pairs: (readonly [string, number])[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < bytes.length && factor < 2 ** 70; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = FIELDS[Math.floor(tag / 8)];
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        if (at + 8 > bytes.length) return undefined;
        if (field !== undefined) pairs.push([nameOf(field), bytes.readDoubleLE(at)]);
        at += 8;
        break;
      case 2: {
        const size = varint();
        at += size;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        return undefined;
    }
    // NaN too: what is cut off is no report.
    if (!(at <= bytes.length)) return undefined;
  }
  return fromPairs(pairs);
}

const nameOf = (field: keyof LoadReport): string => ({ cpuUtilization: 'cpu_utilization', applicationUtilization: 'application_utilization', rps: 'rps_fractional', eps: 'eps' })[field];
