import { createHash, type Hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemErrorCode } from '#lib/errors.ts';
import type { DigestAlgorithm } from '../blob-store.ts';

/** What the main thread asks. Every request with a `ticket` is answered once. */
export type UploadRequest =
  | {
      readonly kind: 'append';
      readonly ticket: number;
      readonly upload: number;
      readonly hashed: boolean;
      /** The memory that the bytes are in, when it is not the region that the thread was given. */
      readonly memory: SharedArrayBuffer | undefined;
      readonly offset: number;
      readonly length: number;
      /** The descriptor of an open file, and where in it the bytes go. */
      readonly file: number;
      readonly position: number;
    }
  | { readonly kind: 'digest'; readonly ticket: number; readonly upload: number }
  | { readonly kind: 'drop'; readonly upload: number }
  | {
      readonly kind: 'digest-file';
      readonly ticket: number;
      readonly path: string;
      readonly algorithm: DigestAlgorithm;
      readonly size: number;
    };

export interface UploadReply {
  readonly ticket: number;
  /** Hexadecimal; empty for bytes that were appended. */
  readonly digest?: string;
  readonly error?: { readonly message: string; readonly code: string | undefined };
}

export interface UploadThreadData {
  readonly region: SharedArrayBuffer;
}

interface Upload {
  readonly hash: Hash | undefined;
  /** Of a write: nothing may follow it, or the file would have a hole. */
  failure: unknown;
}

const READ_BYTES = 1024 * 1024;
/** Written while they are still in the cache of the core that has just hashed them. */
const PIECE_BYTES = 64 * 1024;

const { region } = workerData as UploadThreadData;
const uploads = new Map<number, Upload>();

function uploadOf({ upload: id, hashed }: Extract<UploadRequest, { kind: 'append' }>): Upload {
  let upload = uploads.get(id);
  if (upload === undefined) {
    upload = { hash: hashed ? createHash('sha256') : undefined, failure: undefined };
    uploads.set(id, upload);
  }
  return upload;
}

function append(request: Extract<UploadRequest, { kind: 'append' }>): void {
  const upload = uploadOf(request);
  if (upload.failure !== undefined) throw upload.failure;
  const { length, file, position } = request;
  const bytes = new Uint8Array(request.memory ?? region, request.offset, length);
  try {
    for (let start = 0; start < length; start += PIECE_BYTES) {
      const piece = bytes.subarray(start, Math.min(start + PIECE_BYTES, length));
      upload.hash?.update(piece);
      for (let written = 0; written < piece.length; ) {
        const at = position + start + written;
        written += writeSync(file, piece, written, piece.length - written, at);
      }
    }
  } catch (error) {
    upload.failure = error;
    throw error;
  }
}

function digestOf(id: number): string {
  const hash = uploads.get(id)?.hash;
  if (hash === undefined) throw new Error('There is no such hash');
  return hash.copy().digest('hex');
}

async function digestFile(path: string, algorithm: DigestAlgorithm, size: number): Promise<string> {
  const hash = createHash(algorithm);
  const buffer = new Uint8Array(READ_BYTES);
  await using file = await open(path, 'r');
  // Each read awaits, so other uploads are not held up behind a large file.
  for (let position = 0; position < size; ) {
    const wanted = Math.min(READ_BYTES, size - position);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) throw new Error('The file is shorter than the bytes to be hashed');
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return hash.digest('hex');
}

async function answer(request: UploadRequest): Promise<string> {
  switch (request.kind) {
    case 'append':
      append(request);
      return '';
    case 'digest':
      return digestOf(request.upload);
    case 'drop':
      uploads.delete(request.upload);
      return '';
    case 'digest-file':
      return await digestFile(request.path, request.algorithm, request.size);
  }
}

parentPort?.on('message', async (request: UploadRequest) => {
  let outcome: Pick<UploadReply, 'digest' | 'error'>;
  try {
    outcome = { digest: await answer(request) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    outcome = { error: { message, code: systemErrorCode(error) } };
  }
  if (request.kind === 'drop') return;
  parentPort?.postMessage({ ticket: request.ticket, ...outcome } satisfies UploadReply);
});
