import { type Static, Type } from 'typebox';
import { maximumNameLength } from './names.ts';
import { ListQuery } from './paging.ts';

/** `project_name_or_id`: an integer is an id, unless the header X-Is-Resource-Name says otherwise. */
export const ProjectParameters = Type.Object({
  project: Type.String({ minLength: 1, maxLength: maximumNameLength }),
});

export const ResourceNameHeaders = Type.Object({
  'x-is-resource-name': Type.Optional(
    Type.String({
      maxLength: 16,
      description: 'true: what looks like an id in the path is a name',
    }),
  ),
  'x-resource-name-in-location': Type.Optional(
    Type.String({ maxLength: 16, description: 'true: Location names the project, not its id' }),
  ),
});
export type ResourceNameHeaders = Static<typeof ResourceNameHeaders>;

/** The answer of what was done and has nothing to show. */
export const Done = Type.Unsafe<undefined>({ description: 'Done; the body is empty' });

const Switch = Type.Union([Type.Literal('true'), Type.Literal('false')]);

/** Values are strings, as Harbor has them. Settings that Berth does not have are passed over. */
export const ProjectMetadata = Type.Object({
  public: Type.Optional(Type.Union([Switch, Type.Null()])),
  prevent_vul: Type.Optional(Type.Union([Type.String({ maxLength: 16 }), Type.Null()])),
  enable_content_trust: Type.Optional(Type.Union([Type.String({ maxLength: 16 }), Type.Null()])),
  enable_content_trust_cosign: Type.Optional(
    Type.Union([Type.String({ maxLength: 16 }), Type.Null()]),
  ),
});

const projectSettings = {
  public: Type.Optional(
    Type.Union([Type.Boolean(), Type.Null()], { description: 'The older form of metadata.public' }),
  ),
  metadata: Type.Optional(Type.Union([ProjectMetadata, Type.Null()])),
  storage_limit: Type.Optional(
    Type.Union([Type.Integer(), Type.Null()], { description: '-1: none' }),
  ),
  registry_id: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
};

export const ProjectCreation = Type.Object({
  project_name: Type.String({ minLength: 1, maxLength: 1024 }),
  ...projectSettings,
});
export type ProjectCreation = Static<typeof ProjectCreation>;

export const ProjectChange = Type.Object(projectSettings);
export type ProjectChange = Static<typeof ProjectChange>;

export const Project = Type.Object({
  project_id: Type.Integer(),
  name: Type.String(),
  owner_id: Type.Optional(Type.Integer()),
  owner_name: Type.Optional(Type.String()),
  metadata: Type.Object({ public: Switch }),
  repo_count: Type.Integer(),
  current_user_role_id: Type.Integer({ description: '0: none' }),
  current_user_role_ids: Type.Array(Type.Integer()),
  deleted: Type.Boolean(),
  creation_time: Type.String(),
  update_time: Type.String(),
});
export type Project = Static<typeof Project>;

export const ProjectListQuery = Type.Intersect([
  ListQuery,
  Type.Object({
    name: Type.Optional(
      Type.String({ maxLength: maximumNameLength, description: 'A part of the name' }),
    ),
    public: Type.Optional(Type.Boolean()),
    owner: Type.Optional(Type.String({ maxLength: maximumNameLength })),
  }),
]);

export const ProjectHeadQuery = Type.Object({
  project_name: Type.String({ minLength: 1, maxLength: maximumNameLength }),
});

export const ProjectSummary = Type.Object({
  repo_count: Type.Integer(),
  project_admin_count: Type.Optional(Type.Integer()),
  maintainer_count: Type.Optional(Type.Integer()),
  developer_count: Type.Optional(Type.Integer()),
  guest_count: Type.Optional(Type.Integer()),
  limited_guest_count: Type.Optional(Type.Integer()),
});
export type ProjectSummary = Static<typeof ProjectSummary>;
