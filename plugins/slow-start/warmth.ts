/**
 * The share of its weight that a backend gets so many milliseconds after its start: `minimum` at first, 1 from the end of the window on, never falling.
 * @param aggression 1 = straight; above it steeper at first
 */
export function warmth(elapsedMs: number, windowMs: number, aggression: number, minimum: number): number {
  if (elapsedMs >= windowMs) return 1;
  return Math.max(minimum, (Math.max(0, elapsedMs) / windowMs) ** (1 / aggression));
}
