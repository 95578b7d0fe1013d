import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** The group that holds a host's containers; the kernel counts them by it, and we remove it. */
export function controlGroupOf(bed: string, host = ''): string {
  return join(`/berth-${bed}`, host);
}

export async function createControlGroup(bed: string, host: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    let folder = hierarchy;
    for (const level of controlGroupOf(bed, host).split('/').filter(Boolean)) {
      const parent = folder;
      folder = join(parent, level);
      await mkdir(folder, { recursive: true });
      // cpuset(7): a new group has neither processors nor memory, and so no room for a process.
      for (const file of ['cpuset.cpus', 'cpuset.mems']) await copy(file, parent, folder);
    }
  }
}

/** Containers that were killed leave their empty groups, in each hierarchy. */
export async function removeControlGroup(bed: string, host?: string): Promise<void> {
  await Promise.all(
    (await hierarchies()).map((folder) => removeFolders(join(folder, controlGroupOf(bed, host)))),
  );
}

/** The folders, one in each hierarchy, of a group of that name somewhere below another group. */
export async function findControlGroups(group: string, name: string): Promise<readonly string[]> {
  const found = await Promise.all(
    (await hierarchies()).map(async (hierarchy) => {
      const below = await readdir(join(hierarchy, group), { recursive: true }).catch(() => []);
      return below
        .filter((path) => basename(path) === name)
        .map((path) => join(hierarchy, group, path));
    }),
  );
  return found.flat();
}

async function hierarchies(): Promise<readonly string[]> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  return mounts
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, folder = '']) => folder);
}

async function copy(file: string, from: string, to: string): Promise<void> {
  const value = await readFile(join(from, file), 'utf8').catch(() => '');
  if (value.trim() !== '') await writeFile(join(to, file), value);
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
