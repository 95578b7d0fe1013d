import { digestOf } from '../digest.ts';
import { parseManifest } from '../manifest.ts';
import { mediaTypes } from '../media-types.ts';

const { oci } = mediaTypes;

export const config = { mediaType: oci.config, digest: digestOf('sha256', 'config'), size: 6 };
export const layer = { mediaType: oci.layerGzip, digest: digestOf('sha512', 'layer'), size: 5 };
export const child = {
  mediaType: oci.manifest,
  digest: digestOf('sha256', 'child'),
  size: 7,
  platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
};
export const image = { schemaVersion: 2, mediaType: oci.manifest, config, layers: [layer] };
export const index = { schemaVersion: 2, mediaType: oci.index, manifests: [child] };

export function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

export function parse(value: unknown, contentType?: string) {
  return parseManifest(bytesOf(value), contentType);
}
