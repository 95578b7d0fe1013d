import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { StorageKey } from '../blob-store.ts';

// FOLDER/
//   uploads/
//     <key>            an open upload; never synced, so a crash may leave less than was received
//     writable         written and removed again, to see whether the disk takes bytes
//   blobs/
//     <2 hex>/         the first two digits of the key; all 256 exist from the start
//       <key>          a committed blob; never written again
//
// A key is 32 hexadecimal digits, drawn at random when the upload begins and kept by the commit.

/** Where one store keeps its files. */
export interface Layout {
  readonly uploads: string;
  readonly blobs: string;
  /** Every folder that holds committed blobs. */
  readonly shards: readonly string[];
}

export function layoutOf(folder: string): Layout {
  const blobs = join(folder, 'blobs');
  const shards = Array.from({ length: 256 }, (_, index) =>
    join(blobs, index.toString(16).padStart(2, '0')),
  );
  return { uploads: join(folder, 'uploads'), blobs, shards };
}

export function newStorageKey(): StorageKey {
  return randomBytes(16).toString('hex');
}

export function isStorageKey(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Every path of a file is made here, so that no string but a key ever becomes one. */
function checked(key: StorageKey): string {
  if (!isStorageKey(key)) throw new TypeError('Not a storage key of this blob store');
  return key;
}

export function uploadPath(layout: Layout, key: StorageKey): string {
  return join(layout.uploads, checked(key));
}

function shardPath(layout: Layout, key: StorageKey): string {
  return join(layout.blobs, checked(key).slice(0, 2));
}

export function blobPath(layout: Layout, key: StorageKey): string {
  return join(shardPath(layout, key), key);
}
