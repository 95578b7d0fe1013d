import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readElf } from './elf.ts';

/** A program and all that the loader maps with it. */
export interface LinkedProgram {
  readonly machine: 'amd64' | 'arm64';
  /** Paths of files, by the path where a loader finds them that knows no other folder than its own. */
  readonly files: ReadonlyMap<string, string>;
}

/** Where glibc's loader looks last; Debian's by machine, then those of its makers. */
const defaultFolders = {
  amd64: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu'],
  arm64: ['/lib/aarch64-linux-gnu', '/usr/lib/aarch64-linux-gnu'],
} as const;
const commonFolders = ['/lib64', '/usr/lib64', '/lib', '/usr/lib'];

/** Opened by name when a program resolves names of hosts, by a glibc before 2.34. */
const openedLate = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

const cacheMagic = 'glibc-ld.so.cache1.1';
const cacheHeaderSize = 48;
const cacheEntrySize = 24;

/**
 * Finds what a program needs, as the loader of glibc does (ld.so(8)), without running anything.
 * @param root of the system that the libraries belong to: this one's, or a folder with another's
 * @throws {Error} a sentence, when a library is not there
 */
export async function linkedProgram(program: string, root = '/'): Promise<LinkedProgram> {
  const { machine, interpreter } = await readElf(program);
  if (interpreter === undefined || !interpreter.includes('ld-linux')) {
    throw new Error(
      `${program} is not linked with glibc (its loader is ${interpreter ?? 'none'}): run Berth on a Node.js for glibc.`,
    );
  }
  const cached = root === '/' ? await readCache('/etc/ld.so.cache') : new Map<string, string[]>();
  const found = new Map<string, string>();
  // The loader is mapped already when it looks.
  const seen = new Set([basename(interpreter)]);

  async function find(name: string, runPath: readonly string[]): Promise<string | undefined> {
    const candidates = [
      ...runPath.map((folder) => join(folder, name)),
      ...(cached.get(name) ?? []),
      ...[...defaultFolders[machine], ...commonFolders].map((folder) => join(folder, name)),
    ];
    for (const candidate of candidates) {
      const file = runPath.includes(dirname(candidate)) ? candidate : join(root, candidate);
      if (!existsSync(file)) continue;
      const elf = await readElf(file).catch(() => undefined);
      if (elf?.machine === machine) return file;
    }
    return undefined;
  }

  async function follow(file: string): Promise<void> {
    const { needed, runPath } = await readElf(file);
    const folders = runPath.map((folder) =>
      folder.replaceAll(/\$(?:ORIGIN|\{ORIGIN\})/g, dirname(file)),
    );
    for (const name of needed) {
      if (seen.has(name)) continue;
      seen.add(name);
      const library = await find(name, folders);
      if (library === undefined) {
        throw new Error(`${file} needs the library ${name}, which is in no folder of the loader.`);
      }
      found.set(name, library);
      await follow(library);
    }
  }

  await follow(program);
  for (const name of openedLate) {
    const library = seen.has(name) ? undefined : await find(name, []);
    if (library !== undefined) found.set(name, library);
  }
  const standardLibrary = found.get('libc.so.6');
  if (standardLibrary === undefined) throw new Error(`${program} does not use libc.so.6.`);
  // Of all folders, that of libc is one that its loader always looks in.
  const folder = dirname(standardLibrary).slice(root === '/' ? 0 : root.length);
  const files = new Map([...found].map(([name, file]) => [join(folder, name), file]));
  files.set(interpreter, join(root, interpreter));
  return { machine, files: new Map([...files].sort(([one], [other]) => (one < other ? -1 : 1))) };
}

/** Library names to paths, in the loader's order. Empty where there is no cache that can be read. */
async function readCache(path: string): Promise<Map<string, string[]>> {
  const paths = new Map<string, string[]>();
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const start = bytes.indexOf(cacheMagic);
  if (start < 0) return paths;
  const count = bytes.readUInt32LE(start + cacheMagic.length);
  for (let index = 0; index < count; index += 1) {
    const entry = start + cacheHeaderSize + index * cacheEntrySize;
    if (entry + cacheEntrySize > bytes.length) break;
    const name = textAt(bytes, start + bytes.readUInt32LE(entry + 4));
    const library = textAt(bytes, start + bytes.readUInt32LE(entry + 8));
    const others = paths.get(name);
    if (others === undefined) paths.set(name, [library]);
    else others.push(library);
  }
  return paths;
}

function textAt(bytes: Buffer, offset: number): string {
  return bytes.toString('utf8', offset, bytes.indexOf(0, offset));
}
