/** Lets callers that change the same folder at the same time share a sync. */
export class FolderSyncs {
  readonly #syncFolder: (folder: string) => Promise<void>;
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #running = new Map<string, Promise<void>>();

  constructor(syncFolder: (folder: string) => Promise<void>) {
    this.#syncFolder = syncFolder;
  }

  /**
   * Resolves after a sync of `folder` that began after this call. One that already runs may have
   * passed the caller's change by, so it is never joined; the one that waits for it is.
   */
  sync(folder: string): Promise<void> {
    const waiting = this.#waiting.get(folder);
    if (waiting !== undefined) return waiting;
    const next = this.#runAfterCurrent(folder);
    this.#waiting.set(folder, next);
    return next;
  }

  async #runAfterCurrent(folder: string): Promise<void> {
    await Promise.allSettled([this.#running.get(folder)]);
    this.#waiting.delete(folder);
    const running = this.#syncFolder(folder);
    this.#running.set(folder, running);
    try {
      await running;
    } finally {
      if (this.#running.get(folder) === running) this.#running.delete(folder);
    }
  }
}
