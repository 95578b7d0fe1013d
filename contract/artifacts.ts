import { type Static, Type } from 'typebox';
import { maximumTagLength } from './names.ts';
import { ListQuery } from './paging.ts';
import { RepositoryParameters } from './repositories.ts';

export const ArtifactParameters = Type.Intersect([
  RepositoryParameters,
  Type.Object({
    reference: Type.String({ minLength: 1, maxLength: 256, description: 'A tag or a digest' }),
  }),
]);

export const ArtifactTagParameters = Type.Intersect([
  ArtifactParameters,
  Type.Object({ tag: Type.String({ minLength: 1, maxLength: 256 }) }),
]);

export const AdditionParameters = Type.Intersect([
  ArtifactParameters,
  Type.Object({ addition: Type.String({ minLength: 1, maxLength: 64 }) }),
]);

export const ArtifactListQuery = ListQuery;

export const Tag = Type.Object({
  id: Type.Integer(),
  repository_id: Type.Integer(),
  artifact_id: Type.Integer(),
  name: Type.String(),
  push_time: Type.String(),
  pull_time: Type.String({ description: '0001-01-01T00:00:00.000Z: not known' }),
  immutable: Type.Boolean(),
});
export type Tag = Static<typeof Tag>;

/** Clients send the other fields of a tag too, which are passed over. */
export const TagCreation = Type.Object({
  name: Type.String({ minLength: 1, maxLength: maximumTagLength }),
});

const accessoryTypes = [
  'signature.cosign',
  'signature.notation',
  'accelerator.nydus',
  'sbom.harbor',
  'subject.accessory',
] as const;
export type AccessoryType = (typeof accessoryTypes)[number];

/** A signature, a bill of materials, or whatever else refers to an artifact. */
export const Accessory = Type.Object({
  id: Type.Integer(),
  artifact_id: Type.Integer(),
  subject_artifact_id: Type.Integer(),
  subject_artifact_digest: Type.String(),
  subject_artifact_repo: Type.String(),
  size: Type.Integer(),
  digest: Type.String(),
  type: Type.Enum([...accessoryTypes]),
  creation_time: Type.String(),
});
export type Accessory = Static<typeof Accessory>;

export const ArtifactReference = Type.Object({
  parent_id: Type.Integer(),
  child_id: Type.Integer({ description: '0: not pushed, or no manifest' }),
  child_digest: Type.String(),
  platform: Type.Optional(
    Type.Object({
      architecture: Type.String(),
      os: Type.String(),
      variant: Type.Optional(Type.String()),
      'os.version': Type.Optional(Type.String()),
    }),
  ),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ArtifactReference = Static<typeof ArtifactReference>;

export const Artifact = Type.Object({
  id: Type.Integer(),
  project_id: Type.Integer(),
  repository_id: Type.Integer(),
  repository_name: Type.String({ description: 'The whole name' }),
  type: Type.String({ description: 'IMAGE, CHART, WASM, CNAB, … or UNKNOWN' }),
  media_type: Type.String({ description: 'Of the config, or of the manifest that has none' }),
  manifest_media_type: Type.String(),
  artifact_type: Type.Optional(Type.String()),
  digest: Type.String(),
  size: Type.Integer({ description: 'Bytes of config and layers, over all platforms' }),
  push_time: Type.String(),
  pull_time: Type.String({ description: '0001-01-01T00:00:00.000Z: not known' }),
  extra_attrs: Type.Record(Type.String(), Type.Unknown(), {
    description: 'architecture, os, created, author and config of an image; Chart.yaml of a chart',
  }),
  annotations: Type.Record(Type.String(), Type.String()),
  references: Type.Array(ArtifactReference),
  tags: Type.Array(Tag),
  labels: Type.Array(Type.Unknown()),
  accessories: Type.Array(Accessory),
  addition_links: Type.Record(
    Type.String(),
    Type.Object({ href: Type.String(), absolute: Type.Boolean() }),
  ),
});
export type Artifact = Static<typeof Artifact>;
