import { Worker } from 'node:worker_threads';
import { Refusal } from '#lib/errors.ts';
import { unpackError } from './crossing.ts';
import type { FromWriter, ToWriter, WriterSettings } from './messages.ts';

/** Runs registered writes, wherever the thread is that owns the connections which write. */
export interface Writer {
  run(name: string, input: unknown): Promise<unknown>;
  /** Finishes the writes that were asked for, and takes no more. */
  close(): Promise<void>;
}

/**
 * Starts the thread, which migrates the schema first.
 * @param onFailure called once when the thread ends by itself; from then on every write is refused.
 */
export async function startWriter(
  settings: WriterSettings,
  onFailure: (error: Error) => void,
): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), {
    name: 'database writer',
    workerData: settings,
    // What a write allocates is gone with its reply.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const ready = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<void>();
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  let state: 'starting' | 'running' | 'closing' = 'starting';
  let failure: Refusal | undefined;

  function fail(cause: Error): void {
    if (failure) return;
    failure = new Refusal(
      'unavailable',
      `The thread that writes the database stopped (${cause.message}): what it had not acknowledged may be lost. Start the server again.`,
      { cause },
    );
    ready.reject(failure);
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
    if (state !== 'starting') onFailure(failure);
  }

  function settle(message: Extract<FromWriter, { kind: 'results' }>): void {
    for (const result of message.results) {
      const asked = waiting.get(result.id);
      waiting.delete(result.id);
      if (result.kept) asked?.resolve(result.output);
      else asked?.reject(unpackError(result.error));
    }
  }

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'results') settle(message);
    else if (message.kind === 'ready') ready.resolve();
    else ready.reject(unpackError(message.error));
  });
  worker.on('messageerror', fail);
  worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', (code) => {
    if (state !== 'closing') fail(new Error(`it exited with code ${code}`));
    exited.resolve();
  });

  try {
    await ready.promise;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  state = 'running';

  function post(message: ToWriter): void {
    worker.postMessage(message);
  }

  return {
    async run(name, input) {
      if (failure) throw failure;
      if (state === 'closing') {
        throw new Refusal('unavailable', 'The server is stopping and takes no more writes.');
      }
      const id = ++lastId;
      post({ kind: 'write', id, name, input });
      const asked = Promise.withResolvers<unknown>();
      waiting.set(id, asked);
      return asked.promise;
    },
    async close() {
      if (state === 'running' && !failure) post({ kind: 'close' });
      state = 'closing';
      await exited.promise;
    },
  };
}
