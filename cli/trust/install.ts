import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ContainerRuntime,
  type RegistryAddress,
  registryName,
  type TrustFile,
  trustFiles,
} from '#kubernetes/certs-d.ts';
import { systemErrorCode } from '#lib/errors.ts';
import { CommandFailure, reasonOf } from '../failure.ts';

/** What happened, or in a rehearsal would happen, to one file. */
export interface FileChange {
  readonly path: string;
  readonly change: 'written' | 'unchanged' | 'removed' | 'kept';
  /** Why a file was kept as it is. */
  readonly note?: string;
}

export interface TrustChange {
  /** The root of the file system: `/`. */
  readonly root: string;
  readonly address: RegistryAddress;
  /** True: tell what would happen, and change nothing. */
  readonly rehearse: boolean;
}

const marker = '# Written by berth trust; berth trust --remove takes it away.\n';

/**
 * Makes a runtime trust `certificate` (PEM) for one registry. A hosts.toml that somebody else
 * wrote is left alone.
 * @throws {CommandFailure} when a file cannot be written
 */
export async function trustInRuntime(
  { root, address, rehearse }: TrustChange,
  runtime: ContainerRuntime,
  certificate: string,
  configPath?: string,
): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const file of trustFiles(runtime, address, certificate, configPath)) {
    const marked = withMarker(file);
    const present = await readText(join(root, file.path));
    if (isHostsFile(file) && present !== undefined && !present.startsWith(marker)) {
      changes.push({
        path: file.path,
        change: 'kept',
        note: 'somebody else wrote it: it must name ca = "ca.crt", at its root and below [host]',
      });
    } else {
      changes.push(await put(root, marked, present, rehearse));
    }
  }
  return changes;
}

/** Takes away what `trustInRuntime` wrote, and its folder where nothing else is in it. */
export async function distrustInRuntime(
  { root, address, rehearse }: TrustChange,
  runtime: ContainerRuntime,
  configPath?: string,
): Promise<FileChange[]> {
  const files = trustFiles(runtime, address, '', configPath);
  const changes: FileChange[] = [];
  for (const file of files) {
    const present = await readText(join(root, file.path));
    if (present === undefined) continue;
    if (isHostsFile(file) && !present.startsWith(marker)) {
      changes.push({ path: file.path, change: 'kept', note: 'somebody else wrote it' });
    } else {
      changes.push(await remove(root, file.path, rehearse));
    }
  }
  const [first] = files;
  if (first !== undefined && !rehearse) await removeEmptyFolder(dirname(join(root, first.path)));
  return changes;
}

/** A file of the system's own store, which a program of the system then reads. */
export async function trustInSystem(
  { root, address, rehearse }: TrustChange,
  folder: string,
  certificate: string,
): Promise<FileChange> {
  const path = systemFile(folder, address);
  const present = await readText(join(root, path));
  return put(root, { path, content: certificate }, present, rehearse);
}

export async function distrustInSystem(
  { root, address, rehearse }: TrustChange,
  folder: string,
): Promise<FileChange[]> {
  const path = systemFile(folder, address);
  if ((await readText(join(root, path))) === undefined) return [];
  return [await remove(root, path, rehearse)];
}

function systemFile(folder: string, address: RegistryAddress): string {
  return `${folder}/berth-${registryName(address).replace(/[^a-z0-9.-]+/g, '_')}.crt`;
}

function isHostsFile({ path }: TrustFile): boolean {
  return path.endsWith('/hosts.toml');
}

function withMarker(file: TrustFile): TrustFile {
  return isHostsFile(file) ? { path: file.path, content: `${marker}${file.content}` } : file;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') {
      return undefined;
    }
    throw new CommandFailure(`${path} cannot be read: ${reasonOf(error)}.`);
  }
}

/** By write and rename: a runtime that reads meanwhile sees the old file or the new one. */
async function put(
  root: string,
  { path, content }: TrustFile,
  present: string | undefined,
  rehearse: boolean,
): Promise<FileChange> {
  if (present === content) return { path, change: 'unchanged' };
  if (rehearse) return { path, change: 'written' };
  const target = join(root, path);
  const temporary = join(dirname(target), `.${randomUUID()}`);
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    try {
      await using file = await open(temporary, 'wx', 0o644);
      await file.writeFile(content);
      await file.sync();
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${reasonOf(error)}.`);
  }
  return { path, change: 'written' };
}

async function remove(root: string, path: string, rehearse: boolean): Promise<FileChange> {
  try {
    if (!rehearse) await rm(join(root, path));
  } catch (error) {
    throw new CommandFailure(`${path} cannot be removed: ${reasonOf(error)}.`);
  }
  return { path, change: 'removed' };
}

async function removeEmptyFolder(path: string) {
  try {
    await rmdir(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EEXIST') {
      throw new CommandFailure(`${path} cannot be removed: ${reasonOf(error)}.`);
    }
  }
}
