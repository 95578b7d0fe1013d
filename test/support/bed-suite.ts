import { cleanUp } from './hosts.ts';
import { type Counts, runTestFiles } from './suite.ts';

/**
 * Runs one test file of a suite that starts hosts, adds what it counted to `counts`, and leaves
 * nothing of the suite's beds behind.
 * @param timeout milliseconds for the whole file
 */
export async function runOnBed(
  suite: string,
  counts: Counts,
  part: {
    readonly file: string;
    /** For people. */
    readonly what: string;
    readonly argv: readonly string[];
    readonly timeout: number;
  },
): Promise<void> {
  const { file, what, argv, timeout } = part;
  await cleanUp(suite);
  const started = performance.now();
  const added = await runTestFiles([file], { concurrency: 1, timeout, argv });
  await cleanUp(suite);
  counts.passed += added.passed;
  counts.failed += added.failed;
  counts.skipped += added.skipped;
  console.log(`${what}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
