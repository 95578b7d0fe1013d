/** Media types by the specification or the program that defines them. */
export const mediaTypes = {
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    index: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    empty: 'application/vnd.oci.empty.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar',
    layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    manifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    foreignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    schema1: 'application/vnd.docker.distribution.manifest.v1+json',
    signedSchema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  },
  helm: {
    config: 'application/vnd.cncf.helm.config.v1+json',
    chart: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    /** Helm 3.0 to 3.6. */
    chartBeforeHelm37: 'application/tar+gzip',
    provenance: 'application/vnd.cncf.helm.chart.provenance.v1.prov',
  },
  cosign: {
    bundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    simpleSigning: 'application/vnd.dev.cosign.simplesigning.v1+json',
  },
  buildkit: {
    cacheConfig: 'application/vnd.buildkit.cacheconfig.v0',
  },
} as const;

export type ImageMediaType = typeof mediaTypes.oci.manifest | typeof mediaTypes.docker.manifest;
export type IndexMediaType = typeof mediaTypes.oci.index | typeof mediaTypes.docker.manifestList;
export type ManifestMediaType = ImageMediaType | IndexMediaType;

export function isImageMediaType(mediaType: string): mediaType is ImageMediaType {
  return mediaType === mediaTypes.oci.manifest || mediaType === mediaTypes.docker.manifest;
}

export function isIndexMediaType(mediaType: string): mediaType is IndexMediaType {
  return mediaType === mediaTypes.oci.index || mediaType === mediaTypes.docker.manifestList;
}

/** An image manifest or an index: whatever a manifest endpoint takes. */
export function isManifestMediaType(mediaType: string): mediaType is ManifestMediaType {
  return isImageMediaType(mediaType) || isIndexMediaType(mediaType);
}

/** What a client offers in `Accept` to be given any manifest. */
export const manifestMediaTypes: readonly ManifestMediaType[] = [
  mediaTypes.oci.index,
  mediaTypes.docker.manifestList,
  mediaTypes.oci.manifest,
  mediaTypes.docker.manifest,
];

export function isSchema1MediaType(mediaType: string): boolean {
  return mediaType === mediaTypes.docker.schema1 || mediaType === mediaTypes.docker.signedSchema1;
}

const nonDistributableLayers: ReadonlySet<string> = new Set([
  mediaTypes.docker.foreignLayerGzip,
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
]);

/** Layers that clients do not push: a registry must not ask for them. */
export function isNonDistributableLayer(mediaType: string): boolean {
  return nonDistributableLayers.has(mediaType);
}

export function isHelmChartLayer(mediaType: string): boolean {
  return mediaType === mediaTypes.helm.chart || mediaType === mediaTypes.helm.chartBeforeHelm37;
}

/** The media type of a Content-Type header: in lower case, without parameters. */
export function essenceOf(contentType: string): string {
  const semicolon = contentType.indexOf(';');
  const essence = semicolon < 0 ? contentType : contentType.slice(0, semicolon);
  return essence.trim().toLowerCase();
}
