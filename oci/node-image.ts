import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { readElf } from '#lib/elf.ts';
import { linkedProgram } from '#lib/shared-libraries.ts';
import { type Content, fileContent } from './content.ts';
import { type BuiltManifest, buildImage, type KnownLayer, type RuntimeConfig } from './image.ts';
import type { TarEntry } from './tar.ts';

/** Of whom the programs in these images run as; no account of a host. */
export const userId = 65_532;

/** Where a program's own files lie in an image. */
export const programFolder = 'berth';

/** Section header table of an ELF header: where it is, how many entries, which one names them. */
const sectionFields = { offset: 40, count: 60, names: 62 } as const;

/** Node.js with the libraries that it needs: the layer that changes with Node.js or these alone. */
export interface NodeRuntime {
  readonly architecture: 'amd64' | 'arm64';
  readonly entries: readonly TarEntry[];
}

/**
 * @param node the program
 * @param root of the system whose libraries it is to use
 * @throws {Error} a sentence, where the program or a library cannot be used
 */
export async function nodeRuntime(node: string, root = '/'): Promise<NodeRuntime> {
  const { machine, files } = await linkedProgram(node, root);
  const libraries = await Promise.all(
    [...files].map(
      async ([path, file]): Promise<TarEntry> => ({
        type: 'file',
        path: path.slice(1),
        content: await fileContent(file),
        mode: 0o755,
      }),
    ),
  );
  return {
    architecture: machine,
    entries: [
      ...withFolders([
        textFile('etc/group', `root:x:0:\nberth:x:${userId}:\n`),
        // Without it glibc asks name servers before it looks into /etc/hosts.
        textFile('etc/nsswitch.conf', 'hosts: files dns\n'),
        textFile(
          'etc/passwd',
          `root:x:0:0:root:/:/bin/false\nberth:x:${userId}:${userId}:Berth:/:/bin/false\n`,
        ),
        // Where Node.js looks for what else the system trusts, and warns if there is no such folder.
        { type: 'directory', path: 'etc/ssl/certs' },
        ...libraries,
        { type: 'file', path: 'usr/bin/node', content: await loadedPart(node), mode: 0o755 },
      ]),
      { type: 'directory', path: 'tmp', mode: 0o1777 },
    ],
  };
}

/** A program without what only debuggers read: a fifth of Node.js. */
async function loadedPart(path: string): Promise<Content> {
  const { loadedSize: size } = await readElf(path);
  return { size, chunks: { [Symbol.asyncIterator]: () => readLoaded(path, size) } };
}

async function* readLoaded(path: string, size: number): AsyncGenerator<Uint8Array> {
  let first = true;
  const chunks: AsyncIterable<Buffer> = createReadStream(path, {
    end: size - 1,
    highWaterMark: 1024 * 1024,
  });
  for await (const chunk of chunks) {
    if (first) {
      chunk.writeBigUInt64LE(0n, sectionFields.offset);
      chunk.writeUInt16LE(0, sectionFields.count);
      chunk.writeUInt16LE(0, sectionFields.names);
      first = false;
    }
    yield chunk;
  }
}

export interface NodeImageParts {
  readonly architecture: 'amd64' | 'arm64';
  readonly runtime: KnownLayer;
  /** On top of it. */
  readonly layers: readonly KnownLayer[];
  readonly config: RuntimeConfig;
  readonly title: string;
  readonly version: string;
}

/** A program of ours on Node.js, which neither needs root nor writes anywhere but where `config` says. */
export function nodeImage(parts: NodeImageParts): BuiltManifest {
  const { architecture, runtime, layers, config, title, version } = parts;
  return buildImage({
    platform: { os: 'linux', architecture },
    layers: [runtime, ...layers],
    config: {
      User: `${userId}:${userId}`,
      WorkingDir: '/',
      ...config,
      Env: [
        'PATH=/usr/bin',
        // One pool of glibc's allocator for all threads: half the memory at rest.
        'MALLOC_ARENA_MAX=1',
        // What is large goes back as soon as it is free.
        'MALLOC_MMAP_THRESHOLD_=1048576',
        ...(config.Env ?? []),
      ],
    },
    annotations: {
      'org.opencontainers.image.title': title,
      'org.opencontainers.image.version': version,
    },
  });
}

/** Every folder on the way is named before what lies in it. */
export function* withFolders(entries: Iterable<TarEntry>): Generator<TarEntry> {
  const named = new Set(['.']);
  for (const entry of entries) {
    const missing: string[] = [];
    for (let at = posix.dirname(entry.path); !named.has(at); at = posix.dirname(at)) {
      named.add(at);
      missing.unshift(at);
    }
    yield* missing.map((path): TarEntry => ({ type: 'directory', path }));
    if (entry.type === 'directory') named.add(entry.path);
    yield entry;
  }
}

export function textFile(path: string, text: string): TarEntry {
  return { type: 'file', path, content: Buffer.from(text) };
}
