import { type FileHandle, open } from 'node:fs/promises';
import { isMissingProgram, lastLines, run } from './run.ts';

const busy = 75;

/**
 * Runs the action while no other process runs one under the same lock file.
 *
 * `flock` locks the open file that it is handed as descriptor 3, which is ours as well, so the
 * lock outlives that program and is gone when this process ends, however it ends. A program that
 * must be waited for even then is handed the descriptor as well.
 */
export async function withLock<Result>(
  path: string,
  onWait: () => void,
  action: (descriptor: number) => Promise<Result>,
): Promise<Result> {
  await using file = await open(path, 'a');
  if (!(await lock(file, path, ['--nonblock', '--conflict-exit-code', String(busy)]))) {
    onWait();
    await lock(file, path, []);
  }
  return await action(file.fd);
}

async function lock(file: FileHandle, path: string, flags: readonly string[]): Promise<boolean> {
  const result = await run('flock', ['--exclusive', ...flags, '3'], { descriptor: file.fd }).catch(
    (error: unknown) => {
      if (!isMissingProgram(error)) throw error;
      throw new Error('The program flock is missing: install the package util-linux.');
    },
  );
  if (result.code === 0) return true;
  if (result.code === busy) return false;
  throw new Error(
    `${path} cannot be locked; put the cache on a local file system.\n${lastLines(result.stderr)}`,
  );
}
