import type { StorageKey } from '../blob-store.ts';
import type { RunningHash } from './upload-threads.ts';

/** What tells whether a file was written since: another process may share the folder. */
export interface FileVersion {
  readonly size: bigint;
  readonly ctimeNs: bigint;
}

interface Entry {
  readonly hash: RunningHash;
  readonly version: FileVersion;
}

const KEPT = 1000;

/**
 * The running hash of each open upload, beside the version of the file that it covers from the
 * first byte to the last. Only an optimisation: whatever is not here is hashed from the file.
 */
export class UploadHashes {
  readonly #entries = new Map<StorageKey, Entry>();

  /** Keeps `hash`; when too many uploads lie open, the one written longest ago is let go. */
  keep(key: StorageKey, hash: RunningHash, version: FileVersion): void {
    this.forget(key);
    this.#entries.set(key, { hash, version });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > KEPT && oldest !== undefined) this.forget(oldest);
  }

  /** The hash of exactly this version. */
  find(key: StorageKey, version: FileVersion): RunningHash | undefined {
    const entry = this.#entries.get(key);
    return entry?.version.size === version.size && entry.version.ctimeNs === version.ctimeNs
      ? entry.hash
      : undefined;
  }

  /** Hands over the hash of this version for more bytes; it is kept no longer. */
  take(key: StorageKey, version: FileVersion): RunningHash | undefined {
    const hash = this.find(key, version);
    if (hash === undefined) this.forget(key);
    else this.#entries.delete(key);
    return hash;
  }

  forget(key: StorageKey): void {
    this.#entries.get(key)?.hash.drop();
    this.#entries.delete(key);
  }
}
