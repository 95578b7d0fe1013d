import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { DigestAlgorithm } from '../blob-store.ts';

/** What the main thread asks. Every request with a `ticket` is answered once. */
export type HashRequest =
  | {
      readonly kind: 'update';
      readonly ticket: number;
      readonly hash: number;
      /** The memory that the bytes are in, when it is not the region that the worker was given. */
      readonly memory: SharedArrayBuffer | undefined;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly kind: 'digest'; readonly ticket: number; readonly hash: number }
  | { readonly kind: 'drop'; readonly hash: number }
  | {
      readonly kind: 'digest-file';
      readonly ticket: number;
      readonly path: string;
      readonly algorithm: DigestAlgorithm;
      readonly size: number;
    };

export interface HashReply {
  readonly ticket: number;
  /** Hexadecimal; empty for an update. */
  readonly digest?: string;
  readonly error?: string;
}

export interface HashWorkerData {
  readonly region: SharedArrayBuffer;
}

const READ_BYTES = 1024 * 1024;

const { region } = workerData as HashWorkerData;
const hashes = new Map<number, Hash>();

function hashOf(id: number): Hash {
  let hash = hashes.get(id);
  if (hash === undefined) {
    hash = createHash('sha256');
    hashes.set(id, hash);
  }
  return hash;
}

function digestOf(id: number): string {
  const hash = hashes.get(id);
  if (hash === undefined) throw new Error('There is no such hash');
  return hash.copy().digest('hex');
}

async function digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
  const hash = createHash(algorithm);
  const buffer = new Uint8Array(READ_BYTES);
  await using file = await open(path, 'r');
  // Each read awaits, so the updates of other uploads are not held up behind a large file.
  for (let position = 0; position < size; ) {
    const wanted = Math.min(READ_BYTES, size - position);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) throw new Error('The file is shorter than the bytes to be hashed');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash.digest('hex');
}

async function answer(request: HashRequest): Promise<string> {
  switch (request.kind) {
    case 'update':
      hashOf(request.hash).update(
        new Uint8Array(request.memory ?? region, request.offset, request.length),
      );
      return '';
    case 'digest':
      return digestOf(request.hash);
    case 'drop':
      hashes.delete(request.hash);
      return '';
    case 'digest-file':
      return await digestFile(request.path, request.algorithm, request.size);
  }
}

parentPort?.on('message', async (request: HashRequest) => {
  let outcome: { digest: string } | { error: string };
  try {
    outcome = { digest: await answer(request) };
  } catch (error) {
    outcome = { error: error instanceof Error ? error.message : String(error) };
  }
  if (request.kind === 'drop') return;
  parentPort?.postMessage({ ticket: request.ticket, ...outcome } satisfies HashReply);
});
