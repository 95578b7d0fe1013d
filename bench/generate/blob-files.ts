import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { blobPath, layoutOf, newStorageKey } from '#server/blobs/filesystem/paths.ts';
import type { Blob } from '../clients.ts';
import { blobOf } from '../clients.ts';

export interface StoredBlob extends Blob {
  readonly storageKey: string;
}

export interface BlobFiles {
  /** A layer like no other, of a few bytes. */
  layer(): StoredBlob;
  /** The config of an image that has these layers. */
  config(layers: readonly Blob[]): StoredBlob;
}

const layerBytes = 64;

/** Writes blobs where the server's store in `dataFolder` keeps them. Syncs nothing. */
export function blobFilesIn(dataFolder: string): BlobFiles {
  const layout = layoutOf(dataFolder);

  function store(bytes: Uint8Array): StoredBlob {
    const storageKey = newStorageKey();
    writeFileSync(blobPath(layout, storageKey), bytes, { mode: 0o600 });
    return { ...blobOf(bytes), storageKey };
  }

  return {
    layer: () => store(randomBytes(layerBytes)),
    config: (layers) =>
      store(
        Buffer.from(
          JSON.stringify({
            architecture: 'amd64',
            os: 'linux',
            // Without it, images with the same layers would share their config.
            created: new Date(
              Date.UTC(2026, 0) + Math.floor(Math.random() * 2 ** 34),
            ).toISOString(),
            config: { Labels: { build: randomBytes(8).toString('hex') } },
            rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
          }),
        ),
      ),
  };
}
