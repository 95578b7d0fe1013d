import { newCacheCounts } from '#server/telemetry/cache-counts.ts';

/** As a reply ends with it: a string holds a byte in each of its characters (`latin1`). */
export type ManifestBody = Uint8Array | string;

/** Bytes. Longer ones are not worth the copy that makes head and body one write. */
const longestText = 16 * 1024;

export function bodyOf(bytes: Uint8Array): ManifestBody {
  if (bytes.byteLength > longestText) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/**
 * Manifests by row id, those used lately. A row's bytes never change and its id is never used again,
 * so nothing here can be stale.
 * @param capacity bytes
 */
export function createManifestCache(capacity: number) {
  // Two halves: what is used moves to the younger one, and the older one goes as a whole.
  let young = new Map<number, ManifestBody>();
  let old = new Map<number, ManifestBody>();
  let held = 0;
  const counts = newCacheCounts();

  function set(id: number, body: ManifestBody): void {
    if (held + body.length > capacity / 2) {
      old = young;
      young = new Map();
      held = 0;
    }
    young.set(id, body);
    held += body.length;
  }

  return {
    counts,

    get(id: number): ManifestBody | undefined {
      const body = young.get(id);
      if (body !== undefined) {
        counts.hits += 1;
        return body;
      }
      const older = old.get(id);
      if (older === undefined) {
        counts.misses += 1;
        return undefined;
      }
      counts.hits += 1;
      set(id, older);
      return older;
    },

    set(id: number, body: ManifestBody): void {
      if (!young.has(id)) set(id, body);
    },
  };
}

export type ManifestCache = ReturnType<typeof createManifestCache>;
