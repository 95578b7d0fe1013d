import { randomBytes } from 'node:crypto';
import { type DigestAlgorithm, digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';

/** A blob or a manifest, with all that a descriptor says of it. */
export interface Content {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

export interface DescriptorFields {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** @param data bytes, or how many random ones */
export function blobOf(
  data: Uint8Array | string | number,
  options: { mediaType?: string; algorithm?: DigestAlgorithm } = {},
): Content {
  const bytes = typeof data === 'number' ? randomBytes(data) : Buffer.from(data);
  const { mediaType = mediaTypes.oci.layerGzip, algorithm = 'sha256' } = options;
  return { mediaType, digest: digestOf(algorithm, bytes), size: bytes.length, bytes };
}

/** @param fields of the manifest, `mediaType` included */
export function manifestOf(
  fields: { readonly mediaType: string } & Readonly<Record<string, unknown>>,
  algorithm: DigestAlgorithm = 'sha256',
): Content {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...fields }));
  const { mediaType } = fields;
  return { mediaType, digest: digestOf(algorithm, bytes), size: bytes.length, bytes };
}

export function descriptorOf({ mediaType, digest, size }: DescriptorFields): DescriptorFields {
  return { mediaType, digest, size };
}

/** An image manifest; `more` adds fields or replaces them. */
export function imageOf(
  config: DescriptorFields,
  layers: readonly DescriptorFields[],
  more: Readonly<Record<string, unknown>> = {},
): Content {
  return manifestOf({
    mediaType: mediaTypes.oci.manifest,
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    ...more,
  });
}

export function indexOf(
  manifests: readonly DescriptorFields[],
  more: Readonly<Record<string, unknown>> = {},
): Content {
  return manifestOf({
    mediaType: mediaTypes.oci.index,
    manifests: manifests.map(descriptorOf),
    ...more,
  });
}

/** The empty descriptor of the image specification, as artifacts without a config use it. */
export const emptyConfig = blobOf('{}', { mediaType: mediaTypes.oci.empty });
