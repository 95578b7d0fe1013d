import type { TestContext } from 'node:test';

/** Prints how long each part of a test took, from one call to the next. */
export function stopwatch(context: TestContext): (what: string) => void {
  let since = performance.now();
  return (what) => {
    const now = performance.now();
    context.diagnostic(`${context.name}: ${what} in ${((now - since) / 1000).toFixed(1)} s`);
    since = now;
  };
}
