import { createCipheriv, createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { descriptorToJson } from '#oci/descriptor.ts';
import { algorithmOf, digestOf, hexOf } from '#oci/digest.ts';
import { type BuiltManifest, buildImage, buildIndex, type Layer } from '#oci/image.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { writeTar } from '#oci/tar.ts';

export const mebibyte = 1024 * 1024;
/** Of what the clients must carry as one layer. */
export const largeLayer = 200 * mebibyte;

/** Bytes that no compression makes smaller, the same for the same seed. */
export function seededBytes(seed: string, size: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  return cipher.update(Buffer.alloc(size));
}

/** A layer with one file of seeded bytes. */
async function seededLayer(seed: string, size: number): Promise<Layer> {
  const content = seededBytes(seed, size);
  const tar = await buffer(writeTar([{ type: 'file', path: 'content', content }]));
  // Wrapped without an attempt to compress: deterministic, and quick.
  const bytes = gzipSync(tar, { level: 0 });
  return {
    descriptor: {
      mediaType: mediaTypes.oci.layerGzip,
      digest: digestOf('sha256', bytes),
      size: bytes.byteLength,
    },
    diffId: digestOf('sha256', tar),
    bytes,
  };
}

export async function seededImage(
  seed: string,
  { layerSizes = [mebibyte], architecture = 'amd64' } = {},
): Promise<BuiltManifest> {
  const layers = await Promise.all(
    layerSizes.map((size, position) => seededLayer(`${seed} ${position}`, size)),
  );
  return buildImage({
    platform: { os: 'linux', architecture },
    layers,
    config: { Labels: { seed } },
  });
}

/** Images for two platforms under one index. */
export async function seededIndex(seed: string): Promise<{
  readonly index: BuiltManifest;
  readonly amd64: BuiltManifest;
  readonly arm64: BuiltManifest;
}> {
  const amd64 = await seededImage(`${seed} amd64`);
  const arm64 = await seededImage(`${seed} arm64`, { architecture: 'arm64' });
  return { index: buildIndex([amd64, arm64]), amd64, arm64 };
}

/** Writes an OCI image layout that holds one manifest under a tag. */
export async function writeLayout(
  folder: string,
  tag: string,
  { descriptor, blobs }: BuiltManifest,
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const [digest, bytes] of blobs) {
    await writeFile(join(folder, 'blobs', algorithmOf(digest), hexOf(digest)), bytes);
  }
  const manifest = descriptorToJson({
    ...descriptor,
    annotations: { 'org.opencontainers.image.ref.name': tag },
  });
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [manifest] }),
  );
}

/** Writes what `docker build` and its like turn into an image of one layer. */
export async function writeBuildContext(
  folder: string,
  seed: string,
  size = mebibyte,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'content'), seededBytes(seed, size));
  await writeFile(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY content /\n');
}
