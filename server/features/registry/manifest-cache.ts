/**
 * Manifests by row id, least recently used out first. A row's bytes never change and its id is
 * never used again, so nothing here can be stale.
 * @param capacity bytes
 */
export function createManifestCache(capacity: number) {
  const entries = new Map<number, Uint8Array>();
  let held = 0;

  return {
    get(id: number): Uint8Array | undefined {
      const bytes = entries.get(id);
      if (bytes !== undefined) {
        entries.delete(id);
        entries.set(id, bytes);
      }
      return bytes;
    },

    set(id: number, bytes: Uint8Array): void {
      if (entries.has(id)) return;
      entries.set(id, bytes);
      held += bytes.byteLength;
      for (const [oldest, old] of entries) {
        if (held <= capacity) break;
        entries.delete(oldest);
        held -= old.byteLength;
      }
    },
  };
}

export type ManifestCache = ReturnType<typeof createManifestCache>;
