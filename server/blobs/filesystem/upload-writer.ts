import type { FileHandle } from 'node:fs/promises';
import type { Slot, TransferMemory } from './transfer-memory.ts';
import {
  type AppendingThread,
  hashHere,
  type RunningHash,
  ThreadEnded,
  type UploadThreads,
} from './upload-threads.ts';

/** Slots that one upload has given to its thread. */
const IN_FLIGHT = 3;

/** Up to here, hashing and writing from the main thread is quicker than asking another. */
const SMALL_BYTES = 256 * 1024;

/** So much is written before the disk is told to begin: what is left for the commit is little. */
const SYNC_BYTES = 16 * 1024 * 1024;

/**
 * Writes the bytes of an upload. Chunks are gathered in a slot of shared memory; a thread hashes
 * and writes a full slot, which is then used again, while the next one is filled.
 */
export class UploadWriter {
  readonly #file: FileHandle;
  readonly #memory: TransferMemory;
  readonly #threads: UploadThreads;
  readonly #inFlight = new Set<Promise<void>>();
  #hash: RunningHash | undefined;
  #hashable: boolean;
  /** Writes what cannot be hashed any more. */
  #unhashed: AppendingThread | undefined;
  #slot: Slot | undefined;
  #filled = 0;
  #end: number;
  #lastWriteHere: Promise<void> = Promise.resolve();
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #lost = false;
  #failure: { readonly error: unknown } | undefined;

  /** `hash` covers the `offset` bytes that the file holds, if they are hashed at all. */
  constructor(
    file: FileHandle,
    offset: number,
    hash: RunningHash | undefined,
    memory: TransferMemory,
    threads: UploadThreads,
  ) {
    this.#file = file;
    this.#end = offset;
    this.#hash = hash;
    this.#hashable = hash !== undefined || offset === 0;
    this.#memory = memory;
    this.#threads = threads;
  }

  /** Resolves when more may be added. Rejects once a write has failed. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length; ) {
      this.#slot ??= this.#memory.take();
      const { bytes } = this.#slot;
      const length = Math.min(chunk.length - taken, bytes.length - this.#filled);
      bytes.set(chunk.subarray(taken, taken + length), this.#filled);
      this.#filled += length;
      taken += length;
      if (this.#filled === bytes.length) {
        this.#flush(false);
        while (this.#inFlight.size >= IN_FLIGHT) await Promise.race(this.#inFlight);
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    }
  }

  /** Resolves, or rejects with the first failure, when nothing is in flight any more. */
  async finish(): Promise<void> {
    this.#flush(true);
    await Promise.all(this.#inFlight);
    await this.#syncing;
    this.#unhashed?.drop();
    this.#unhashed = undefined;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** The size of the upload after `finish` has resolved. */
  get end(): number {
    return this.#end;
  }

  /**
   * After `finish`, whether bytes did not reach the disk. The kernel reports that once (fsync(2)): a
   * later sync of the same file would succeed without them.
   */
  get lost(): boolean {
    return this.#lost;
  }

  /** After `finish`, the hash of every byte of the upload, if there is one; it is the caller's. */
  get hash(): RunningHash | undefined {
    return this.#hash;
  }

  #flush(last: boolean): void {
    const slot = this.#slot;
    if (slot === undefined) return;
    const length = this.#filled;
    const position = this.#end;
    this.#slot = undefined;
    this.#filled = 0;
    this.#end += length;

    const small = last && length <= SMALL_BYTES && this.#hash?.thread !== 'worker';
    const done = (
      small ? this.#appendHere(slot, length, position) : this.#append(slot, length, position)
    )
      .then(() => this.#syncEarly(length))
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#stopHashing();
      })
      .finally(() => {
        this.#memory.give(slot);
        this.#inFlight.delete(done);
      });
    this.#inFlight.add(done);
  }

  async #append(slot: Slot, length: number, position: number): Promise<void> {
    if (this.#hash?.thread === 'main') this.#stopHashing();
    try {
      await this.#threadOfUpload().append(slot, length, this.#file.fd, position);
    } catch (error) {
      if (!(error instanceof ThreadEnded)) throw error;
      this.#stopHashing();
      this.#unhashed = undefined;
      await this.#writeHere(slot, length, position);
    }
  }

  #threadOfUpload(): AppendingThread {
    if (this.#hashable) {
      const hash = this.#hash ?? this.#threads.begin({ hashed: true });
      this.#hash = hash;
      if (hash.thread === 'worker') return hash;
    }
    this.#unhashed ??= this.#threads.begin({ hashed: false });
    return this.#unhashed;
  }

  async #appendHere(slot: Slot, length: number, position: number): Promise<void> {
    if (this.#hashable) {
      this.#hash ??= hashHere();
      if (this.#hash.thread === 'main') this.#hash.update(slot.bytes.subarray(0, length));
    }
    await this.#writeHere(slot, length, position);
  }

  /** One write after the other, so that a failure never leaves a hole. */
  #writeHere(slot: Slot, length: number, position: number): Promise<void> {
    this.#lastWriteHere = this.#lastWriteHere.then(async () => {
      for (let written = 0; written < length; ) {
        const left = length - written;
        const at = position + written;
        written += (await this.#file.write(slot.bytes, written, left, at)).bytesWritten;
      }
    });
    return this.#lastWriteHere;
  }

  /** The disk works while more arrives. */
  #syncEarly(length: number): void {
    this.#unsynced += length;
    if (this.#unsynced < SYNC_BYTES || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = this.#file
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#lost = true;
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  #stopHashing(): void {
    this.#hashable = false;
    this.#hash?.drop();
    this.#hash = undefined;
  }
}
