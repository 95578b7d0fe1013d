import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '../blob-store.ts';
import type { HashReply, HashRequest, HashWorkerData } from './hash-worker.ts';
import type { Slot, TransferMemory } from './transfer-memory.ts';

/** A sha256 that grows with an upload. */
export interface RunningHash {
  readonly thread: 'main' | 'worker';
  /** Resolves once the first `length` bytes of the slot are hashed and may be overwritten. */
  update(slot: Slot, length: number): Promise<void>;
  /** The hexadecimal digest of what came so far, which is something; more may follow. */
  digest(): Promise<string>;
  drop(): void;
}

function workersFor(cores: number): number {
  return cores <= 2 ? 1 : Math.min(4, cores - 1);
}

/** Hashes bytes in threads of their own, which start when they are first needed. */
export class Hashing {
  readonly #memory: TransferMemory;
  readonly #threads: HashThread[] = [];
  readonly #limit = workersFor(availableParallelism());
  #closed = false;

  constructor(memory: TransferMemory) {
    this.#memory = memory;
  }

  inWorker(): RunningHash {
    return this.#leastBusy().start();
  }

  async digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
    return await this.#leastBusy().digestFile(path, algorithm, size);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  #leastBusy(): HashThread {
    if (this.#closed) throw new Error('The blob store is closed');
    const idle = this.#threads.find((thread) => thread.load === 0);
    if (idle !== undefined) return idle;
    if (this.#threads.length < this.#limit) {
      const thread = new HashThread(this.#memory.region, () => {
        const index = this.#threads.indexOf(thread);
        if (index >= 0) this.#threads.splice(index, 1);
      });
      this.#threads.push(thread);
      return thread;
    }
    return this.#threads.reduce((best, thread) => (thread.load < best.load ? thread : best));
  }
}

/** For bodies so small that asking a worker would cost more than hashing them. */
export function hashInMainThread(): RunningHash {
  const hash = createHash('sha256');
  return {
    thread: 'main',
    async update(slot, length) {
      hash.update(slot.bytes.subarray(0, length));
    },
    async digest() {
      return hash.copy().digest('hex');
    },
    drop() {},
  };
}

interface Waiting {
  readonly resolve: (digest: string) => void;
  readonly reject: (error: Error) => void;
}

/** One worker. It keeps the process alive only while an answer is awaited. */
class HashThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #tickets = 0;
  #hashes = 0;
  #open = 0;
  #failure: Error | undefined;

  constructor(region: SharedArrayBuffer, onExit: () => void) {
    this.#worker = new Worker(new URL('./hash-worker.ts', import.meta.url), {
      workerData: { region } satisfies HashWorkerData,
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: HashReply) => this.#settle(reply));
    this.#worker.on('error', (cause) => {
      this.#fail(new Error('The hashing thread has failed', { cause }));
    });
    this.#worker.on('exit', () => {
      this.#fail(new Error('The hashing thread has ended'));
      onExit();
    });
  }

  /** Hashes under way, and answers awaited. */
  get load(): number {
    return this.#open + this.#waiting.size;
  }

  start(): RunningHash {
    const hash = ++this.#hashes;
    this.#open++;
    return {
      thread: 'worker',
      update: async (slot, length) => {
        await this.#ask({
          kind: 'update',
          ticket: ++this.#tickets,
          hash,
          memory: slot.pooled ? undefined : slot.bytes.buffer,
          offset: slot.bytes.byteOffset,
          length,
        });
      },
      digest: () => this.#ask({ kind: 'digest', ticket: ++this.#tickets, hash }),
      drop: () => {
        this.#open--;
        if (this.#failure === undefined) this.#worker.postMessage({ kind: 'drop', hash });
      },
    };
  }

  digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
    return this.#ask({ kind: 'digest-file', ticket: ++this.#tickets, path, algorithm, size });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(request: Exclude<HashRequest, { kind: 'drop' }>): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref();
      this.#waiting.set(request.ticket, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  #settle(reply: HashReply): void {
    const waiting = this.#waiting.get(reply.ticket);
    this.#waiting.delete(reply.ticket);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply.error === undefined) waiting?.resolve(reply.digest ?? '');
    else waiting?.reject(new Error(reply.error));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
