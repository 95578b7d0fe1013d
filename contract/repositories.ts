import { type Static, Type } from 'typebox';
import { ListQuery } from './paging.ts';
import { ProjectParameters } from './projects.ts';

const maximumDescriptionLength = 16_384;

/** `repository` is what follows the project, with "/" percent-encoded once or twice. */
export const RepositoryParameters = Type.Intersect([
  ProjectParameters,
  Type.Object({ repository: Type.String({ minLength: 1, maxLength: 1024 }) }),
]);

export const RepositoryListQuery = ListQuery;

export const Repository = Type.Object({
  id: Type.Integer(),
  project_id: Type.Integer(),
  name: Type.String({ description: 'The whole name, project included' }),
  description: Type.String(),
  artifact_count: Type.Integer(),
  creation_time: Type.String(),
  update_time: Type.String(),
});
export type Repository = Static<typeof Repository>;

export const RepositoryChange = Type.Object({
  description: Type.Optional(
    Type.Union([Type.String({ maxLength: maximumDescriptionLength }), Type.Null()]),
  ),
});
export type RepositoryChange = Static<typeof RepositoryChange>;
