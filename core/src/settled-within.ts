/** Waits until `isTrue`, at most `limitMs`: for ends that no single event tells. */
export async function settledWithin(limitMs: number, isTrue: () => boolean): Promise<void> {
  const until = performance.now() + limitMs;
  while (!isTrue() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
}
