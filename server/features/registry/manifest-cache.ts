/**
 * Manifests by row id, those used lately. A row's bytes never change and its id is never used again,
 * so nothing here can be stale.
 * @param capacity bytes
 */
export function createManifestCache(capacity: number) {
  // Two halves: what is used moves to the younger one, and the older one goes as a whole.
  let young = new Map<number, Uint8Array>();
  let old = new Map<number, Uint8Array>();
  let held = 0;

  function set(id: number, bytes: Uint8Array): void {
    if (held + bytes.byteLength > capacity / 2) {
      old = young;
      young = new Map();
      held = 0;
    }
    young.set(id, bytes);
    held += bytes.byteLength;
  }

  return {
    get(id: number): Uint8Array | undefined {
      const bytes = young.get(id);
      if (bytes !== undefined) return bytes;
      const older = old.get(id);
      if (older !== undefined) set(id, older);
      return older;
    },

    set(id: number, bytes: Uint8Array): void {
      if (!young.has(id)) set(id, bytes);
    },
  };
}

export type ManifestCache = ReturnType<typeof createManifestCache>;
