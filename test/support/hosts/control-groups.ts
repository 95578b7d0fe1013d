import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

export function controlGroupOf(suite: string): string {
  return `berth-${suite}`;
}

/** Containers that were killed leave their empty control groups, in each hierarchy. */
export async function removeControlGroup(group: string): Promise<void> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const hierarchies = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, folder = '']) => folder);
  await Promise.all(
    hierarchies.map((folder) => removeFolders(join(folder, controlGroupOf(group)))),
  );
}

async function removeFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory()) await removeFolders(join(folder, entry.name));
  }
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
