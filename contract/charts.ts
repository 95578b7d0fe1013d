import { type Static, Type } from 'typebox';
import { ListQuery } from './paging.ts';
import { ProjectParameters } from './projects.ts';

const maximumChartNameLength = 250;
const maximumChartVersionLength = 200;

export const ChartParameters = Type.Intersect([
  ProjectParameters,
  Type.Object({ chart: Type.String({ minLength: 1, maxLength: maximumChartNameLength }) }),
]);

export const ChartVersionParameters = Type.Intersect([
  ChartParameters,
  Type.Object({ version: Type.String({ minLength: 1, maxLength: maximumChartVersionLength }) }),
]);

export const ChartListQuery = Type.Intersect([
  ListQuery,
  Type.Object({
    name: Type.Optional(
      Type.String({ maxLength: maximumChartNameLength, description: 'A part of the name' }),
    ),
  }),
]);

/** Charts of one name may lie in several repositories of a project. */
export const ChartQuery = Type.Object({
  repository: Type.Optional(
    Type.String({
      maxLength: 255,
      description: 'The whole name of a repository; by default the one that the index serves',
    }),
  ),
});

export const ChartVersion = Type.Object({
  name: Type.String(),
  version: Type.String({ description: 'A tag, where the chart itself tells no version' }),
  app_version: Type.Optional(Type.String()),
  repository: Type.String({ description: 'The whole name' }),
  digest: Type.String({ description: 'Of the manifest' }),
  archive_digest: Type.Optional(Type.String()),
  archive_size: Type.Optional(Type.Integer()),
  tags: Type.Array(Type.String()),
  signed: Type.Boolean({ description: 'The chart came with provenance' }),
  creation_time: Type.String({ description: 'RFC 3339' }),
  problem: Type.Optional(
    Type.String({ description: 'A sentence, where the chart could not be read whole' }),
  ),
  warnings: Type.Array(Type.String()),
});
export type ChartVersion = Static<typeof ChartVersion>;

export const Chart = Type.Object({
  name: Type.String(),
  repository: Type.String({ description: 'The one that the index serves, by its whole name' }),
  latest: ChartVersion,
  versions: Type.Integer({ description: 'How many' }),
  description: Type.Optional(Type.String()),
  icon: Type.Optional(Type.String()),
  deprecated: Type.Boolean(),
  conflicts: Type.Array(Type.String(), {
    description: 'Other repositories with charts of this name, which the index leaves out',
  }),
});
export type Chart = Static<typeof Chart>;

export const ChartDependency = Type.Object({
  name: Type.String(),
  version: Type.String(),
  repository: Type.String(),
});
export type ChartDependency = Static<typeof ChartDependency>;

const Text = Type.Union([Type.String(), Type.Null()]);

export const ChartDetail = Type.Object({
  ...ChartVersion.properties,
  metadata: Type.Record(Type.String(), Type.Unknown(), { description: 'The whole of Chart.yaml' }),
  readme: Text,
  values_yaml: Type.Union([Type.String(), Type.Null()], {
    description: 'As written, comments included',
  }),
  values_schema: Text,
  lock: Text,
  templates: Type.Array(Type.Object({ path: Type.String(), text: Type.String() }), {
    description: 'Templates and custom resource definitions',
  }),
  dependencies: Type.Array(ChartDependency),
  artifact_hub: Type.Record(Type.String(), Type.String(), {
    description: 'The annotations artifacthub.io/*, by what follows the slash',
  }),
  provenance: Text,
});
export type ChartDetail = Static<typeof ChartDetail>;

/* What ChartMuseum answers. */

export const MuseumSaved = Type.Object({ saved: Type.Boolean() });
export const MuseumDeleted = Type.Object({ deleted: Type.Boolean() });

export const MuseumUploadQuery = Type.Object({
  force: Type.Optional(
    Type.String({ maxLength: 8, description: 'Present, unless "false": replaces a version' }),
  ),
});
