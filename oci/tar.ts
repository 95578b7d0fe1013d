import { Header, type HeaderData, Pax } from 'tar';
import { type Content, chunksOf, sizeOf } from './content.ts';

interface Common {
  /** Relative, with `/` between its segments. */
  readonly path: string;
  /** Root where left out. */
  readonly uid?: number;
  readonly gid?: number;
}

export type TarEntry =
  | (Common & { readonly type: 'directory'; readonly mode?: number })
  | (Common & { readonly type: 'file'; readonly mode?: number; readonly content: Content })
  | (Common & { readonly type: 'symlink'; readonly target: string });

const blockSize = 512;
const epoch = new Date(0);

/**
 * Entries as a tar in the order given, the same bytes for the same entries: every time is the
 * epoch, no owner has a name. Directories that are not given are not added.
 */
export async function* writeTar(
  entries: AsyncIterable<TarEntry> | Iterable<TarEntry>,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    const data = headerOf(entry);
    const header = new Header(data);
    const block = Buffer.alloc(blockSize);
    const needsPax = header.encode(block);
    if (needsPax) yield new Pax(data).encode();
    yield block;
    if (entry.type === 'file') {
      yield* chunksOf(entry.content);
      yield Buffer.alloc(-sizeOf(entry.content) & (blockSize - 1));
    }
  }
  yield Buffer.alloc(2 * blockSize);
}

function headerOf(entry: TarEntry): HeaderData {
  const common = { uid: entry.uid ?? 0, gid: entry.gid ?? 0, mtime: epoch };
  switch (entry.type) {
    case 'directory':
      return {
        ...common,
        type: 'Directory',
        path: entry.path.endsWith('/') ? entry.path : `${entry.path}/`,
        mode: entry.mode ?? 0o755,
        size: 0,
      };
    case 'file':
      return {
        ...common,
        type: 'File',
        path: entry.path,
        mode: entry.mode ?? 0o644,
        size: sizeOf(entry.content),
      };
    case 'symlink':
      return {
        ...common,
        type: 'SymbolicLink',
        path: entry.path,
        linkpath: entry.target,
        mode: 0o777,
        size: 0,
      };
  }
}
