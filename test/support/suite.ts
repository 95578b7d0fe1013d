import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Runs test files with node:test and counts their tests (not their suites).
 * @param options.concurrency files at once; 1 for suites that own the machine
 * @param options.timeout milliseconds for one test
 * @param options.argv what each file finds in its `process.argv`
 */
export async function runTestFiles(
  files: readonly string[],
  options: { concurrency: number; timeout: number; argv?: readonly string[] },
): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const events = run({ files: [...files], ...options, cwd: repositoryRoot });
  const isFile = (name: string) => files.includes(name) || name.endsWith('.test.ts');
  events.on('test:pass', ({ name, details, skip }) => {
    if (details.type === 'suite' || isFile(name)) return;
    if (skip !== undefined && skip !== false) counts.skipped += 1;
    else counts.passed += 1;
  });
  events.on('test:fail', ({ name, details, file }) => {
    // A suite fails with its tests, which are counted already, or by itself in one of its hooks.
    if (details.type === 'suite') {
      if (failureType(details.error) === 'hookFailed') counts.failed += 1;
      return;
    }
    // A file that fails as a whole (it threw, or ran out of time) reports itself under its own name.
    if (isFile(name) && file === undefined) return;
    counts.failed += 1;
  });
  await new Promise<void>((resolve, reject) => {
    const report = events.compose(new spec());
    report.on('error', reject).on('end', resolve).pipe(process.stdout, { end: false });
  });
  return counts;
}

function failureType(error: Error): unknown {
  return 'failureType' in error ? error.failureType : undefined;
}

/** Prints the line that ends every suite and sets the exit code; a suite that ran nothing fails. */
export function conclude({ passed, failed, skipped }: Counts): void {
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  if (failed > 0 || passed === 0) process.exitCode = 1;
}
