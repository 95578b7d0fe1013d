import { quote } from '#lib/quote.ts';
import {
  type Annotations,
  type Descriptor,
  readAnnotations,
  readDescriptor,
  readMediaType,
} from './descriptor.ts';
import { OciError } from './errors.ts';
import { type JsonObject, parseJsonObject } from './json.ts';
import {
  essenceOf,
  isIndexMediaType,
  isManifestMediaType,
  isSchema1MediaType,
  type ManifestMediaType,
  mediaTypes,
} from './media-types.ts';

/** Distribution specification, section "Pushing Manifests": at least 4 MiB should be accepted. */
export const maximumManifestBytes = 4 * 1024 * 1024;
const maximumManifestDepth = 32;

export interface ParsedManifest {
  readonly kind: 'image' | 'index';
  readonly mediaType: ManifestMediaType;
  /** As the referrers API tells it: an image's falls back to its config's media type. */
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  /** Of an image always, of an index never. */
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Manifests, and in BuildKit's cache indexes blobs. */
  readonly children: readonly Descriptor[];
  readonly annotations: Annotations;
}

const advice =
  'Push an OCI image manifest, an OCI index, or their Docker counterparts of schema version 2.';

function refuse(sentence: string): never {
  throw new OciError('MANIFEST_INVALID', sentence);
}

/**
 * Reads and checks a manifest as it arrived. Unknown fields pass; `contentType` is the header as
 * it came, and may be left out only where the fields tell what the manifest is.
 * @throws {OciError} MANIFEST_INVALID, whatever the bytes are
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  const declared = contentType === undefined ? undefined : requireManifestMediaType(contentType);
  const fields = parseJsonObject(bytes, 'The manifest', 'MANIFEST_INVALID', {
    maximumBytes: maximumManifestBytes,
    maximumDepth: maximumManifestDepth,
  });
  requireSchemaVersion(fields);
  const mediaType = settleMediaType(fields, declared);
  return isIndexMediaType(mediaType) ? readIndex(fields, mediaType) : readImage(fields, mediaType);
}

function requireManifestMediaType(contentType: string): ManifestMediaType {
  const essence = essenceOf(contentType);
  if (isManifestMediaType(essence)) return essence;
  if (isSchema1MediaType(essence)) refuseSchema1();
  return refuse(`A manifest of the media type ${quote(essence)} is not accepted. ${advice}`);
}

function refuseSchema1(): never {
  return refuse(
    'Docker manifests of schema version 1 are not accepted: build the image anew, or pull and push it with a current client, which converts it.',
  );
}

function requireSchemaVersion(fields: JsonObject): void {
  if (fields.schemaVersion === 2) return;
  if (fields.schemaVersion === 1 || fields.fsLayers !== undefined) refuseSchema1();
  refuse(`The manifest's schemaVersion is not 2. ${advice}`);
}

/** Image specification: the field, where there is one, must match the Content-Type. */
function settleMediaType(
  fields: JsonObject,
  declared: ManifestMediaType | undefined,
): ManifestMediaType {
  const own = readMediaType(fields.mediaType, 'mediaType');
  if (own === undefined) return declared ?? deriveMediaType(fields);
  if (declared === undefined) return requireManifestMediaType(own);
  if (own === declared) return declared;
  return refuse(
    `The manifest's mediaType is ${quote(own)}, but the Content-Type says ${quote(declared)}: they must be the same.`,
  );
}

function deriveMediaType(fields: JsonObject): ManifestMediaType {
  if (fields.manifests !== undefined) return mediaTypes.oci.index;
  if (fields.config !== undefined) return mediaTypes.oci.manifest;
  return refuse(
    `Neither the Content-Type nor the manifest's own fields tell what it is. ${advice}`,
  );
}

function readImage(fields: JsonObject, mediaType: ManifestMediaType): ParsedManifest {
  // Read as two things by two clients, one manifest could hide another (CVE-2021-41190).
  if (fields.manifests !== undefined) {
    refuse('An image manifest must not have the field "manifests", which belongs to an index.');
  }
  if (fields.config === undefined) refuse("The image manifest's config is missing.");
  const config = readDescriptor(fields.config, 'config');
  return {
    kind: 'image',
    mediaType,
    ...readCommon(fields, config.mediaType),
    config,
    layers: readDescriptors(fields.layers, 'layers'),
    children: [],
  };
}

function readIndex(fields: JsonObject, mediaType: ManifestMediaType): ParsedManifest {
  for (const field of ['config', 'layers']) {
    if (fields[field] !== undefined) {
      refuse(`An index must not have the field "${field}", which belongs to an image manifest.`);
    }
  }
  if (fields.manifests === undefined) refuse('The index\'s list "manifests" is missing.');
  return {
    kind: 'index',
    mediaType,
    ...readCommon(fields, undefined),
    layers: [],
    children: readDescriptors(fields.manifests, 'manifests'),
  };
}

type Common = Pick<ParsedManifest, 'artifactType' | 'subject' | 'annotations'>;

function readCommon(fields: JsonObject, configMediaType: string | undefined): Common {
  const artifactType = readMediaType(fields.artifactType, 'artifactType') ?? configMediaType;
  const absent = fields.subject === undefined || fields.subject === null;
  return {
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(absent ? {} : { subject: readDescriptor(fields.subject, 'subject') }),
    annotations: readAnnotations(fields.annotations, 'annotations') ?? {},
  };
}

/** Writers in Go turn an empty list into null, or leave it out. */
function readDescriptors(value: unknown, where: string): readonly Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) refuse(`The manifest's ${where} is not a list.`);
  return value.map((item, index) => readDescriptor(item, `${where}[${index}]`));
}
