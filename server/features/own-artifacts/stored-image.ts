import { buffer } from 'node:stream/consumers';
import { agentRepository } from '#contract/names.ts';
import type { Descriptor } from '#oci/descriptor.ts';
import { type Digest, isDigest } from '#oci/digest.ts';
import { parseJsonObject } from '#oci/json.ts';
import { parseManifest } from '#oci/manifest.ts';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import type { Reader } from '#server/database/database.ts';
import type { StoredLayer } from './build-protocol.ts';
import { blobKey, manifestOfDigest, manifestOfTag } from './queries.ts';

const configLimits = { maximumBytes: 4 * 1024 * 1024, maximumDepth: 32 };

/** The layers of the image under a tag that need not be made again, since the registry has them. */
export async function storedLayers(
  read: Reader,
  store: BlobStore,
  tag: string,
): Promise<readonly StoredLayer[]> {
  const index = await manifestOfTag(read, agentRepository, tag);
  if (index === undefined) return [];
  const { children } = parseManifest(index.bytes, index.mediaType);
  const layers = await Promise.all(children.map(({ digest }) => layersOf(read, store, digest)));
  return layers.flat();
}

async function layersOf(read: Reader, store: BlobStore, digest: Digest): Promise<StoredLayer[]> {
  const image = await manifestOfDigest(read, agentRepository, digest);
  if (image === undefined) return [];
  const { config, layers } = parseManifest(image.bytes, image.mediaType);
  const diffIds = config === undefined ? [] : await diffIdsOf(read, store, config);
  const found = await Promise.all(
    layers.map(async (descriptor, place): Promise<StoredLayer[]> => {
      const diffId = diffIds[place];
      const key = await blobKey(read, agentRepository, descriptor.digest);
      return diffId === undefined || key === undefined ? [] : [{ diffId, descriptor }];
    }),
  );
  return found.flat();
}

async function diffIdsOf(read: Reader, store: BlobStore, config: Descriptor): Promise<Digest[]> {
  const key = await blobKey(read, agentRepository, config.digest);
  if (key === undefined) return [];
  const { rootfs } = parseJsonObject(
    await buffer(await store.read(key)),
    'The configuration of the image',
    'MANIFEST_INVALID',
    configLimits,
  );
  const diffIds = (rootfs as { diff_ids?: unknown } | undefined)?.diff_ids;
  return Array.isArray(diffIds) ? diffIds.filter(isDigest) : [];
}
