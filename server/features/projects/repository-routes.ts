import { Type } from 'typebox';
import { Done, ProjectParameters, ResourceNameHeaders } from '#contract/projects.ts';
import {
  Repository,
  RepositoryChange,
  RepositoryListQuery,
  RepositoryParameters,
} from '#contract/repositories.ts';
import type { Database } from '#server/database/database.ts';
import {
  describePage,
  pageOf,
  parseFilter,
  parseSort,
  type RestApplication,
  repositoryParameter,
  restPrefix,
} from '#server/http/rest/index.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { unknownRepository } from './errors.ts';
import {
  listRepositories,
  type RepositoryRow,
  readRepository,
  repositoryFilters,
  repositorySorts,
} from './repositories-queries.ts';
import { deleteRepository, describeRepository } from './repository-writes.ts';
import { authorizeProject } from './resolve.ts';

export function addRepositoryRoutes(application: RestApplication, database: Database) {
  const { read } = database;
  const path = `${restPrefix}/projects/:project/repositories`;
  const common = { headers: ResourceNameHeaders, tags: ['repository'] };

  application.get(
    path,
    {
      schema: {
        ...common,
        summary: 'List the repositories of a project',
        params: ProjectParameters,
        querystring: RepositoryListQuery,
        response: { 200: Type.Array(Repository) },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'repository:list');
      const page = pageOf(request.query);
      const { rows, total } = await listRepositories(
        read,
        {
          projectId: id,
          terms: parseFilter(request.query.q, repositoryFilters),
          sort: parseSort(request.query.sort, repositorySorts),
        },
        page,
      );
      describePage(request, reply, page, total);
      return rows.map(repositoryBody);
    },
  );

  application.get(
    `${path}/:repository`,
    {
      schema: {
        ...common,
        summary: 'Read a repository',
        params: RepositoryParameters,
        response: { 200: Repository },
      },
    },
    async (request) => {
      const project = await authorizeProject(request, read, 'repository:read');
      const name = repositoryParameter(project.name, request.params.repository);
      const row = await readRepository(read, name);
      if (row === undefined) throw unknownRepository(name);
      return repositoryBody(row);
    },
  );

  application.put(
    `${path}/:repository`,
    {
      schema: {
        ...common,
        summary: 'Describe a repository',
        params: RepositoryParameters,
        body: RepositoryChange,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const project = await authorizeProject(request, read, 'repository:update');
      const name = repositoryParameter(project.name, request.params.repository);
      await database.write(describeRepository, {
        name,
        description: request.body.description ?? '',
        now: Date.now(),
      });
      return reply.code(200).send();
    },
  );

  application.delete(
    `${path}/:repository`,
    {
      schema: {
        ...common,
        summary: 'Delete a repository with its artifacts and tags',
        params: RepositoryParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const project = await authorizeProject(request, read, 'repository:delete');
      await database.write(deleteRepository, {
        name: repositoryParameter(project.name, request.params.repository),
        by: describePrincipal(request.caller.principal),
        now: Date.now(),
      });
      return reply.code(200).send();
    },
  );
}

function repositoryBody(row: RepositoryRow): Repository {
  return {
    id: row.id,
    project_id: row.project_id,
    name: row.name,
    description: row.description,
    artifact_count: Number(row.artifacts),
    creation_time: new Date(row.created_at).toISOString(),
    update_time: new Date(row.updated_at).toISOString(),
  };
}
