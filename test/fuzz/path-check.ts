/** A path by which a route is chosen and the path that goes on are one: whoever normalises what we sent comes to what we matched. */
import { mayHaveDotSegments, normalisePath, pathOf, withoutDotSegments } from '../../core/src/http1/target.ts';
import { type Difference, latin1 } from './meaning.ts';

export function checkPath(target: string): Difference | undefined {
  if (!target.startsWith('/')) return undefined;
  const path = pathOf(target);
  const matched = normalisePath(path);
  const sent = withoutDotSegments(path);
  const bytes = latin1(target);
  if (normalisePath(matched) !== matched) return `a normal form that has another one: ${path}, ${matched}`;
  if (normalisePath(sent) !== matched) return `another path is sent than matched: ${sent} for ${path}, not ${matched}`;
  if (withoutDotSegments(sent) !== sent) return `dot segments are left in the path: ${sent}`;
  if (/\/\.\.?(\/|$)/.test(sent)) return `dot segments are sent: ${sent}`;
  if (sent !== path && !mayHaveDotSegments(bytes, 0, bytes.length)) return `dot segments were overlooked: ${path}`;
  return undefined;
}
