import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { BlobStore, ByteRange, DigestAlgorithm, StorageKey } from '../blob-store.ts';

export interface StoreUnderTest {
  readonly store: BlobStore;
  /** Closes the store and opens another on the same bytes, as a restart does. */
  reopen(): Promise<BlobStore>;
}

/** Opens an empty store; what it leaves is removed after the test. */
export type OpenStore = (context: TestContext) => Promise<StoreUnderTest>;

export const MiB = 1024 * 1024;

/** Bytes that differ at every position and with every seed: a slip by one byte or chunk shows. */
export function bytesOf(length: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = Math.imul(seed, 0x9e3779b9) | 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, length);
}

export async function* chunksOf(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

export async function upload(store: BlobStore, bytes: Uint8Array): Promise<StorageKey> {
  const key = await store.begin();
  await store.append(key, 0, chunksOf(bytes));
  return key;
}

export async function commit(store: BlobStore, bytes: Uint8Array): Promise<StorageKey> {
  const key = await upload(store, bytes);
  await store.commit(key, bytes.length);
  return key;
}

export async function contentOf(store: BlobStore, key: StorageKey): Promise<Buffer> {
  return await buffer(await store.read(key));
}

export async function sentBytes(
  store: BlobStore,
  key: StorageKey,
  range: ByteRange,
): Promise<Buffer> {
  const received: Buffer[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received.push(Buffer.from(chunk));
      done();
    },
  });
  await store.send(key, range, destination);
  return Buffer.concat(received);
}
