import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Database, Reader } from '#server/database/database.ts';
import type { FindingKind, Findings } from './findings.ts';
import { keysOfBlobs, keysOfUploads } from './queries.ts';

const pageRows = 500;

/**
 * What a crash leaves behind is taken by a collection that runs daily, once it is a day old. What
 * is older than that was left lying.
 */
export const leftLyingMilliseconds = 3 * 24 * 60 * 60 * 1000;

/** Files that no row of the database names. */
export interface Orphans {
  readonly files: number;
  readonly uploads: number;
  readonly bytes: number;
}

interface StoredFile {
  readonly key: string;
  readonly size?: number;
  readonly modifiedAt: number;
}

/** Looks for files that nothing needs, which cost space and no more. */
export async function checkFiles(options: {
  database: Database;
  store: BlobStore;
  findings: Findings;
  onFiles: (count: number) => void;
  now: () => number;
}): Promise<Orphans> {
  const { database, store, findings, onFiles, now } = options;
  let bytes = 0;

  async function check(
    files: AsyncIterable<StoredFile>,
    keysOf: (read: Reader, keys: readonly string[]) => Promise<ReadonlySet<string>>,
    kind: FindingKind,
    noun: string,
  ): Promise<number> {
    let orphans = 0;
    for await (const page of pagesOf(files)) {
      const owned = await keysOf(
        database.read,
        page.map(({ key }) => key),
      );
      for (const { key, size, modifiedAt } of page) {
        if (owned.has(key)) continue;
        orphans += 1;
        bytes += size ?? 0;
        if (now() - modifiedAt < leftLyingMilliseconds) continue;
        findings.add({
          kind,
          subject: key,
          problem: `The file of ${noun} ${key} belongs to nothing, and was not collected in three days.`,
          cure: 'See that the collection runs: it removes such files.',
          repair: undefined,
        });
      }
      onFiles(page.length);
    }
    return orphans;
  }

  const files = await check(store.list(), keysOfBlobs, 'orphaned-file', 'a blob');
  const uploads = await check(store.listUploads(), keysOfUploads, 'orphaned-upload', 'an upload');
  return { files, uploads, bytes };
}

async function* pagesOf<Item>(items: AsyncIterable<Item>): AsyncGenerator<readonly Item[]> {
  let page: Item[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < pageRows) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
