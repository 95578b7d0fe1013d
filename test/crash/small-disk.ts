import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '#lib/errors.ts';
import { run, succeed } from '#test/processes.ts';

/** A disk of its own, which is easily filled. */
export interface SmallDisk extends AsyncDisposable {
  readonly folder: string;
  /** Leaves not a page free. */
  fill(): void;
  /** Takes away what `fill` put there. */
  makeSpace(): void;
}

/** For `{ skip }`: mounting needs root. @throws in CI */
export async function skipWithoutMounts(): Promise<string | false> {
  const folder = mkdtempSync(join(tmpdir(), 'berth-mount-'));
  const mounted = await run('mount', ['-t', 'tmpfs', 'tmpfs', folder]).catch(() => undefined);
  if (mounted?.code === 0) await succeed('umount', [folder]);
  rmSync(folder, { recursive: true });
  if (mounted?.code === 0) return false;
  const reason = 'mounting a small disk needs root';
  if (process.env.CI) throw new Error(reason);
  return reason;
}

export async function mountSmallDisk(folder: string, bytes: number): Promise<SmallDisk> {
  await succeed('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  const filling = join(folder, 'filling');
  return {
    folder,
    fill() {
      for (const length of [256 * 1024, 4096]) {
        while (appended(filling, length));
      }
    },
    makeSpace: () => rmSync(filling),
    [Symbol.asyncDispose]: async () => {
      await succeed('umount', [folder]);
    },
  };
}

/** False when it did not fit. */
function appended(path: string, length: number): boolean {
  try {
    appendFileSync(path, Buffer.alloc(length));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOSPC') return false;
    throw error;
  }
}
