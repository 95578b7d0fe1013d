import type { FileHandle } from 'node:fs/promises';
import { type Hashing, hashInMainThread, type RunningHash } from './hashing.ts';
import type { Slot, TransferMemory } from './transfer-memory.ts';

/** Slots that one upload has given to the disk and the hashing thread. */
const IN_FLIGHT = 3;

/** Up to here, hashing in the main thread is quicker than asking another. */
const SMALL_BYTES = 256 * 1024;

/**
 * Writes the bytes of an upload while they are hashed in another thread. Chunks are gathered in a
 * slot of shared memory; a full slot goes to the disk and to the hash at once, and is used again
 * when both are done with it. Writes go one after the other, so that a file never has a hole.
 */
export class UploadWriter {
  readonly #file: FileHandle;
  readonly #memory: TransferMemory;
  readonly #hashing: Hashing;
  readonly #inFlight = new Set<Promise<void>>();
  #hash: RunningHash | undefined;
  #hashable: boolean;
  #slot: Slot | undefined;
  #filled = 0;
  #end: number;
  #lastWrite: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  /** `hash` covers the `offset` bytes that the file holds, if they are hashed at all. */
  constructor(
    file: FileHandle,
    offset: number,
    hash: RunningHash | undefined,
    memory: TransferMemory,
    hashing: Hashing,
  ) {
    this.#file = file;
    this.#end = offset;
    this.#hash = hash;
    this.#hashable = hash !== undefined || offset === 0;
    this.#memory = memory;
    this.#hashing = hashing;
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
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** The size of the upload after `finish` has resolved. */
  get end(): number {
    return this.#end;
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

    const written = this.#lastWrite.then(() => this.#write(slot, length, position));
    const hashed = this.#update(slot, length, last);
    this.#lastWrite = written;
    const done = Promise.allSettled([written, hashed]).then(([write, hash]) => {
      this.#memory.give(slot);
      this.#inFlight.delete(done);
      if (write.status === 'rejected') this.#failure ??= { error: write.reason };
      if (write.status === 'rejected' || hash.status === 'rejected') this.#stopHashing();
    });
    this.#inFlight.add(done);
  }

  async #write(slot: Slot, length: number, position: number): Promise<void> {
    for (let written = 0; written < length; ) {
      const { bytesWritten } = await this.#file.write(
        slot.bytes,
        written,
        length - written,
        position + written,
      );
      written += bytesWritten;
    }
  }

  async #update(slot: Slot, length: number, last: boolean): Promise<void> {
    const small = length <= SMALL_BYTES;
    if (this.#hash?.thread === 'main' && !small) this.#stopHashing();
    if (!this.#hashable) return;
    this.#hash ??= last && small ? hashInMainThread() : this.#hashing.inWorker();
    await this.#hash.update(slot, length);
  }

  #stopHashing(): void {
    this.#hashable = false;
    this.#hash?.drop();
    this.#hash = undefined;
  }
}
