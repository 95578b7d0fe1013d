import type { ParsedManifest } from '#oci/manifest.ts';
import { isNonDistributableLayer } from '#oci/media-types.ts';
import type { ManifestEdge } from './writes/manifests.ts';

/** What a manifest points at, in the order that it names them. */
export function edgesOf({ config, layers, children, subject }: ParsedManifest): ManifestEdge[] {
  const edge =
    (kind: ManifestEdge['kind']) =>
    ({ digest, mediaType, size }: Omit<ManifestEdge, 'kind'>): ManifestEdge => ({
      kind,
      digest,
      mediaType,
      size,
    });
  return [
    ...(config === undefined ? [] : [edge('config')(config)]),
    ...layers.map(edge('layer')),
    ...children.map(edge('child')),
    ...(subject === undefined ? [] : [edge('subject')(subject)]),
  ];
}

/**
 * What must be there before the manifest: config and layers. Signing tools push the manifest of a
 * referrer before its blobs; non-distributable layers are never pushed; an index may be sparse.
 */
export function requiredBlobsOf({ config, layers, subject }: ParsedManifest): string[] {
  if (subject !== undefined) return [];
  return [
    ...(config === undefined ? [] : [config.digest]),
    ...layers
      .filter(({ mediaType }) => !isNonDistributableLayer(mediaType))
      .map(({ digest }) => digest),
  ];
}
