import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { developmentNetwork } from './development.ts';
import { withLock } from './tools/lock.ts';

const usualFolder = join(homedir(), '.cache', 'berth');

/**
 * Waits until no other heavy suite runs on this machine. The lock is this process's own open file,
 * so it ends with the process at the latest. A developer's run on a network of its own waits for
 * nobody.
 */
export async function occupyMachine(suite: string, folder = usualFolder): Promise<AsyncDisposable> {
  if (folder === usualFolder && developmentNetwork() !== undefined) {
    return { [Symbol.asyncDispose]: async () => {} };
  }
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'machine.lock');
  const occupied = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const holding = withLock(
    path,
    () => void reportHolder(suite, path),
    async () => {
      await writeFile(path, `${suite} (process ${process.pid})`);
      occupied.resolve();
      await released.promise;
    },
  );
  holding.catch(occupied.reject);
  await occupied.promise;
  return {
    [Symbol.asyncDispose]: async () => {
      released.resolve();
      await holding;
    },
  };
}

async function reportHolder(suite: string, path: string): Promise<void> {
  const holder = await readFile(path, 'utf8').catch(() => 'another suite');
  process.stderr.write(`${suite}: waiting, the machine is taken by ${holder}\n`);
}
