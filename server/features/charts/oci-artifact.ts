import { type Digest, digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import type { ChartMetadata } from './metadata.ts';

export interface ArtifactBlob {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

export interface ChartArtifact {
  readonly manifest: Uint8Array;
  /** What the manifest names: config, archive, and provenance where there is some. */
  readonly blobs: readonly ArtifactBlob[];
}

/** A chart as an OCI artifact, byte for byte as `helm push` makes it of the same archive. */
export function chartArtifact(options: {
  metadata: ChartMetadata;
  archive: Uint8Array;
  provenance: Uint8Array | undefined;
  /** Milliseconds since the epoch. */
  created: number;
}): ChartArtifact {
  const { metadata, archive, provenance, created } = options;
  const config = part(mediaTypes.helm.config, Buffer.from(goJson(metadata)));
  const layers = [
    part(mediaTypes.helm.chart, archive),
    ...(provenance === undefined ? [] : [part(mediaTypes.helm.provenance, provenance)]),
  ].sort((one, other) => (one.descriptor.digest < other.descriptor.digest ? -1 : 1));
  const manifest = {
    schemaVersion: 2,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: annotationsOf(metadata, created),
  };
  return {
    manifest: Buffer.from(goJson(manifest)),
    blobs: [config, ...layers].map(({ descriptor, bytes }) => ({
      digest: descriptor.digest,
      bytes,
    })),
  };
}

function part(mediaType: string, bytes: Uint8Array) {
  const digest = digestOf('sha256', bytes);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** Annotations of Chart.yaml may replace all of Helm's own but these. */
const fixedAnnotations = ['org.opencontainers.image.version', 'org.opencontainers.image.title'];

function annotationsOf(metadata: ChartMetadata, created: number): Record<string, string> {
  const { name, version, description, home, sources, maintainers = [] } = metadata;
  const own = Object.entries({
    'org.opencontainers.image.description': description,
    'org.opencontainers.image.title': name,
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.url': home,
    'org.opencontainers.image.created': new Date(created).toISOString().replace(/\.\d+Z$/, 'Z'),
    'org.opencontainers.image.source': sources?.[0],
    'org.opencontainers.image.authors': maintainers
      .map(({ name: person = '', email }) =>
        email === undefined ? person : `${person} (${email})`,
      )
      .join(', '),
  }).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== '');
  const fromChart = Object.entries(metadata.annotations ?? {}).filter(
    ([key]) => !fixedAnnotations.includes(key),
  );
  const all = new Map([...own, ...fromChart]);
  return Object.fromEntries([...all].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** JSON with the escapes of Go's `json.Marshal`. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
