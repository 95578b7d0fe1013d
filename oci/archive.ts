import type { Content } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import { algorithmOf, type Digest, hexOf } from './digest.ts';
import { OciError } from './errors.ts';
import { layoutEntries } from './layout.ts';
import { type ParsedManifest, parseManifest } from './manifest.ts';
import { type TarEntry, writeTar } from './tar.ts';

export interface ImageArchive {
  /** What the image is called where it is loaded: `host/repository:tag`. */
  readonly reference: string;
  /** An image, or an index of images. */
  readonly root: Descriptor;
  /** The root and everything that it refers to; manifests as bytes. */
  readonly blobs: ReadonlyMap<Digest, Content>;
  /** Of the image that engines load which know no index. */
  readonly architecture: string;
}

/**
 * A tar that `ctr images import`, `docker load`, `podman load` and skopeo take: an image layout
 * (image specification, "OCI Image Layout") with Docker's own `manifest.json` beside it.
 * @throws {OciError} MANIFEST_INVALID, MANIFEST_UNKNOWN where there is no image of the architecture
 */
export function writeImageArchive(archive: ImageArchive): AsyncGenerator<Uint8Array> {
  const { reference, root, blobs } = archive;
  const tag = reference.slice(reference.lastIndexOf(':') + 1);
  const named: Descriptor = {
    ...root,
    annotations: {
      ...root.annotations,
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': tag,
    },
  };
  return writeTar([...layoutEntries({ manifests: [named], blobs }), forDocker(archive)]);
}

/** Docker image specification 1.2, "Combined Image JSON + Filesystem Changeset Format". */
function forDocker({ reference, root, blobs, architecture }: ImageArchive): TarEntry {
  const { config, layers } = imageOf(root, blobs, architecture);
  const image = {
    Config: config && pathOf(config.digest),
    RepoTags: [reference],
    Layers: layers.map(({ digest }) => pathOf(digest)),
  };
  return { type: 'file', path: 'manifest.json', content: Buffer.from(JSON.stringify([image])) };
}

function imageOf(
  root: Descriptor,
  blobs: ReadonlyMap<Digest, Content>,
  architecture: string,
): ParsedManifest {
  const manifest = manifestOf(root, blobs);
  if (manifest.kind === 'image') return manifest;
  const child = manifest.children.find(
    ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
  );
  if (child === undefined) {
    throw new OciError('MANIFEST_UNKNOWN', `The image is not made for linux/${architecture}.`);
  }
  return manifestOf(child, blobs);
}

function manifestOf(
  { digest, mediaType }: Descriptor,
  blobs: ReadonlyMap<Digest, Content>,
): ParsedManifest {
  const bytes = blobs.get(digest);
  if (bytes instanceof Uint8Array) return parseManifest(bytes, mediaType);
  throw new OciError('MANIFEST_UNKNOWN', `The manifest ${digest} is not among what is archived.`);
}

function pathOf(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
