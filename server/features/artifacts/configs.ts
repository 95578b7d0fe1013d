import { storageKeyOf } from '#features/registry';
import { OciError } from '#oci/errors.ts';
import { type JsonObject, parseJsonObject } from '#oci/json.ts';
import { BlobLost, type BlobStore } from '#server/blobs/blob-store.ts';
import type { Reader } from '#server/database/database.ts';

const limits = { maximumBytes: 1024 * 1024, maximumDepth: 32 };
const cacheBytes = 16 * 1024 * 1024;
/** What an entry takes besides its config. */
const entryBytes = 1024;

/** A config as a manifest names it. */
export interface ConfigReference {
  readonly repositoryId: number;
  readonly digest: string;
  readonly size: number;
}

/** The JSON of a config; undefined where it is none, too large, or not there. */
export type ReadConfig = (reference: ConfigReference) => Promise<JsonObject | undefined>;

/**
 * Reads configs when they are asked for: what a digest stands for never changes, so the last ones
 * stay at hand, and nothing has to be stored of them.
 */
export function createConfigReader(options: { read: Reader; store: BlobStore }): ReadConfig {
  const { read, store } = options;
  const cached = new Map<string, { readonly config: JsonObject | undefined; size: number }>();
  let held = 0;

  return async ({ repositoryId, digest, size }) => {
    if (size > limits.maximumBytes) return undefined;
    const known = cached.get(digest);
    if (known !== undefined) {
      cached.delete(digest);
      cached.set(digest, known);
      return known.config;
    }
    const bytes = await bytesOf(repositoryId, digest);
    if (bytes === undefined) return undefined;
    const config = parse(bytes);
    keep(digest, config, bytes.length + entryBytes);
    return config;
  };

  async function bytesOf(repositoryId: number, digest: string): Promise<Buffer | undefined> {
    const key = await storageKeyOf(read, repositoryId, digest);
    if (key === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of await store.read(key)) {
        size += chunk.length;
        if (size > limits.maximumBytes) return undefined;
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof BlobLost) return undefined;
      throw error;
    }
    return Buffer.concat(chunks);
  }

  function keep(digest: string, config: JsonObject | undefined, size: number): void {
    if (cached.has(digest)) return;
    cached.set(digest, { config, size });
    held += size;
    for (const [oldest, entry] of cached) {
      if (held <= cacheBytes) break;
      cached.delete(oldest);
      held -= entry.size;
    }
  }
}

function parse(bytes: Uint8Array): JsonObject | undefined {
  try {
    return parseJsonObject(bytes, 'The config', 'UNSUPPORTED', limits);
  } catch (error) {
    if (error instanceof OciError) return undefined;
    throw error;
  }
}
