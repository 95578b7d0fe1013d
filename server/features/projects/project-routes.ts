import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import {
  Done,
  Project,
  ProjectChange,
  ProjectCreation,
  ProjectHeadQuery,
  ProjectListQuery,
  ProjectParameters,
  ProjectSummary,
  ResourceNameHeaders,
} from '#contract/projects.ts';
import { roleIds } from '#contract/roles.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import {
  authorize,
  describePage,
  grantsOf,
  pageOf,
  parseFilter,
  parseSort,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import { decide, type Grants, systemResource } from '#server/permissions/decide.ts';
import { unknownProject } from './errors.ts';
import { createProject, deleteProject, updateProject } from './project-writes.ts';
import {
  countMembers,
  type ProjectRow,
  projectFilters,
  projectIdOf,
  projectSorts,
  readProjects,
  selectProjects,
} from './queries.ts';
import { authorizeProject } from './resolve.ts';
import { publicOf } from './settings.ts';

export function addProjectRoutes(application: RestApplication, database: Database) {
  const { read } = database;
  const path = `${restPrefix}/projects`;
  const inPath = { params: ProjectParameters, headers: ResourceNameHeaders, tags: ['project'] };

  application.post(
    path,
    {
      schema: {
        tags: ['project'],
        summary: 'Create a project. Whoever has an account may, and becomes its admin',
        headers: ResourceNameHeaders,
        body: ProjectCreation,
        response: { 201: Done },
      },
    },
    async (request, reply) => {
      requireSomebody(request);
      await authorize(request, 'project:create', systemResource);
      const { principal } = request.caller;
      const { project_name: name } = request.body;
      const id = await database.write(createProject, {
        name,
        public: publicOf(request.body) ?? false,
        ownerId: principal.kind === 'user' ? principal.id : null,
        now: Date.now(),
      });
      const named = request.headers['x-resource-name-in-location'] === 'true';
      return reply
        .code(201)
        .header('location', `${path}/${named ? name : id}`)
        .send();
    },
  );

  // Before GET, which would otherwise bring a HEAD of its own.
  application.head(
    path,
    {
      schema: {
        tags: ['project'],
        summary: 'Tell whether a name is taken',
        querystring: ProjectHeadQuery,
      },
    },
    async (request, reply) => {
      requireSomebody(request);
      const { project_name: name } = request.query;
      if ((await projectIdOf(read, name)) === undefined) throw unknownProject(name);
      return reply.code(200).send();
    },
  );

  application.get(
    path,
    {
      schema: {
        tags: ['project'],
        summary: 'List the projects that the caller may see',
        querystring: ProjectListQuery,
        response: { 200: Type.Array(Project) },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const page = pageOf(query);
      const [grants, selected] = await Promise.all([
        grantsOf(request, 'all'),
        selectProjects(read, {
          name: query.name,
          public: query.public,
          owner: query.owner,
          terms: parseFilter(query.q, projectFilters),
          sort: parseSort(query.sort, projectSorts),
        }),
      ]);
      const visible = selected.filter(({ name }) => maySee(grants, name));
      const ids = visible.slice(page.offset, page.offset + page.limit).map(({ id }) => id);
      const rows = new Map((await readProjects(read, ids)).map((row) => [row.id, row]));
      describePage(request, reply, page, visible.length);
      return ids.flatMap((id) => {
        const row = rows.get(id);
        return row === undefined ? [] : [projectBody(row, grants)];
      });
    },
  );

  application.get(
    `${path}/:project`,
    { schema: { ...inPath, summary: 'Read a project', response: { 200: Project } } },
    async (request) => {
      const { id, grants } = await authorizeProject(request, read, 'project:read');
      const [row] = await readProjects(read, [id]);
      if (row === undefined) throw unknownProject(request.params.project);
      return projectBody(row, grants);
    },
  );

  application.put(
    `${path}/:project`,
    {
      schema: {
        ...inPath,
        summary: 'Make a project public or private',
        body: ProjectChange,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'project:update');
      const isPublic = publicOf(request.body);
      if (isPublic !== undefined) {
        await database.write(updateProject, { id, public: isPublic, now: Date.now() });
      }
      return reply.code(200).send();
    },
  );

  application.delete(
    `${path}/:project`,
    {
      schema: {
        ...inPath,
        summary: 'Delete a project that holds no repository',
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'project:delete');
      await database.write(deleteProject, { id });
      return reply.code(200).send();
    },
  );

  application.get(
    `${path}/:project/summary`,
    {
      schema: {
        ...inPath,
        summary: 'Count what is in a project',
        response: { 200: ProjectSummary },
      },
    },
    async (request) => {
      const { id, name, grants } = await authorizeProject(request, read, 'project:read');
      const [row] = await readProjects(read, [id]);
      if (row === undefined) throw unknownProject(request.params.project);
      const summary = { repo_count: row.repositories };
      const resource = { kind: 'project', project: name } as const;
      if (!decide(grants, 'member:list', resource).allowed) return summary;
      const counts = await countMembers(read, id);
      return {
        ...summary,
        project_admin_count: counts.get('project-admin') ?? 0,
        maintainer_count: counts.get('maintainer') ?? 0,
        developer_count: counts.get('developer') ?? 0,
        guest_count: counts.get('guest') ?? 0,
        limited_guest_count: counts.get('limited-guest') ?? 0,
      };
    },
  );
}

function requireSomebody(request: FastifyRequest) {
  if (request.caller.principal.kind !== 'anonymous') return;
  throw new Refusal('unauthenticated', 'Nobody is signed in: send a user name and password.');
}

function maySee(grants: Grants, project: string): boolean {
  return decide(grants, 'project:read', { kind: 'project', project }).allowed;
}

function projectBody(row: ProjectRow, grants: Grants): Project {
  const held = grants.systemAdmin ? 'project-admin' : grants.projects.get(row.name)?.role;
  const roleId = held === undefined ? 0 : roleIds[held];
  return {
    project_id: row.id,
    name: row.name,
    ...(row.owner_id !== null && { owner_id: row.owner_id }),
    ...(row.owner_name !== null && { owner_name: row.owner_name }),
    metadata: { public: row.public === 1 ? 'true' : 'false' },
    repo_count: row.repositories,
    current_user_role_id: roleId,
    current_user_role_ids: roleId === 0 ? [] : [roleId],
    deleted: false,
    creation_time: new Date(row.created_at).toISOString(),
    update_time: new Date(row.updated_at).toISOString(),
  };
}
