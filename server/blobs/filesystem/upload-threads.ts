import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '../blob-store.ts';
import type { Slot, TransferMemory } from './transfer-memory.ts';
import type { UploadReply, UploadRequest, UploadThreadData } from './upload-thread.ts';

/** A sha256 that grows with an upload. */
export type RunningHash = HashHere | AppendingThread;

/** For bodies so small that asking a thread would cost more than hashing them. */
export interface HashHere {
  readonly thread: 'main';
  update(bytes: Uint8Array): void;
  digest(): Promise<string>;
  drop(): void;
}

/** A thread that hashes and writes an upload. */
export interface AppendingThread {
  readonly thread: 'worker';
  /**
   * Resolves once the first `length` bytes of the slot are written at `position`, and hashed: then
   * the slot may be overwritten. What is asked for after a write that failed fails as well.
   * @throws {ThreadEnded} the bytes are still in the slot
   */
  append(slot: Slot, length: number, file: number, position: number): Promise<void>;
  /** The hexadecimal digest of what came so far, which is something; more may follow. */
  digest(): Promise<string>;
  drop(): void;
}

/** The thread cannot answer: it failed, or the store was closed. */
export class ThreadEnded extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ThreadEnded';
  }
}

function threadsFor(cores: number): number {
  return cores <= 2 ? 1 : Math.min(4, cores - 1);
}

/** Hashes and writes bytes in threads of their own, which start when they are first needed. */
export class UploadThreads {
  readonly #memory: TransferMemory;
  readonly #threads: UploadThread[] = [];
  readonly #limit = threadsFor(availableParallelism());
  #closed = false;

  constructor(memory: TransferMemory) {
    this.#memory = memory;
  }

  /** @throws {ThreadEnded} when the store is closed */
  begin(options: { hashed: boolean }): AppendingThread {
    return this.#leastBusy().begin(options.hashed);
  }

  async digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
    return await this.#leastBusy().digestFile(path, algorithm, size);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  #leastBusy(): UploadThread {
    if (this.#closed) throw new ThreadEnded('The blob store is closed');
    const idle = this.#threads.find((thread) => thread.load === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#limit) {
      const thread = new UploadThread(this.#memory.region, () => {
        const index = this.#threads.indexOf(thread);
        if (index >= 0) this.#threads.splice(index, 1);
      });
      this.#threads.push(thread);
      return thread;
    }
    return this.#threads.reduce((best, thread) => (thread.load < best.load ? thread : best));
  }
}

export function hashHere(): HashHere {
  const hash = createHash('sha256');
  return {
    thread: 'main',
    update: (bytes) => void hash.update(bytes),
    digest: async () => hash.copy().digest('hex'),
    drop() {},
  };
}

interface Waiting {
  readonly resolve: (digest: string) => void;
  readonly reject: (error: Error) => void;
}

/** One thread. It keeps the process alive only while an answer is awaited. */
class UploadThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #tickets = 0;
  #uploads = 0;
  #open = 0;
  #failure: ThreadEnded | undefined;

  constructor(region: SharedArrayBuffer, onExit: () => void) {
    this.#worker = new Worker(new URL('./upload-thread.ts', import.meta.url), {
      workerData: { region } satisfies UploadThreadData,
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: UploadReply) => this.#settle(reply));
    this.#worker.on('error', (cause) => {
      this.#fail(new ThreadEnded('The thread that writes uploads has failed', { cause }));
    });
    this.#worker.on('exit', () => {
      this.#fail(new ThreadEnded('The thread that writes uploads has ended'));
      onExit();
    });
  }

  /** Uploads under way, and answers awaited. */
  get load(): number {
    return this.#open + this.#waiting.size;
  }

  begin(hashed: boolean): AppendingThread {
    const upload = ++this.#uploads;
    this.#open++;
    return {
      thread: 'worker',
      append: async (slot, length, file, position) => {
        await this.#ask({
          kind: 'append',
          ticket: ++this.#tickets,
          upload,
          hashed,
          memory: slot.pooled ? undefined : slot.bytes.buffer,
          offset: slot.bytes.byteOffset,
          length,
          file,
          position,
        });
      },
      digest: () => this.#ask({ kind: 'digest', ticket: ++this.#tickets, upload }),
      drop: () => {
        this.#open--;
        if (this.#failure === undefined) this.#worker.postMessage({ kind: 'drop', upload });
      },
    };
  }

  digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
    return this.#ask({ kind: 'digest-file', ticket: ++this.#tickets, path, algorithm, size });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Exclude<UploadRequest, { kind: 'drop' }>): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(request.ticket, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  #settle({ ticket, digest, error }: UploadReply): void {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (error === undefined) waiting?.resolve(digest ?? '');
    else waiting?.reject(Object.assign(new Error(error.message), { code: error.code }));
  }

  #fail(error: ThreadEnded): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
