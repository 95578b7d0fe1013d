import { Type } from 'typebox';
import {
  Accessory,
  AdditionParameters,
  Artifact,
  ArtifactListQuery,
  ArtifactParameters,
} from '#contract/artifacts.ts';
import { Done, ResourceNameHeaders } from '#contract/projects.ts';
import { RepositoryParameters } from '#contract/repositories.ts';
import { deleteManifest } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { Database } from '#server/database/database.ts';
import {
  describePage,
  pageOf,
  parseFilter,
  parseSort,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import type { AdditionSource } from './additions.ts';
import { accessoryBody, type DescribeArtifacts } from './describe.ts';
import { unknownArtifact } from './errors.ts';
import { artifactFilters, artifactSorts, listArtifacts } from './queries.ts';
import { accessoriesOf } from './related-queries.ts';
import { requireArtifact, requireRepository } from './target.ts';
import { typeOfArtifact } from './types.ts';

export const artifactsPath = `${restPrefix}/projects/:project/repositories/:repository/artifacts`;
const artifactPath = `${artifactsPath}/:reference`;

/** What the registry stored, as Harbor's clients ask for it. */
export function addArtifactRoutes(
  application: RestApplication,
  options: {
    database: Database;
    describe: DescribeArtifacts;
    additions: readonly AdditionSource[];
    /** Milliseconds that what nobody needs is kept. */
    grace: number;
    now: () => number;
  },
) {
  const { database, describe, additions, grace, now } = options;
  const { read } = database;
  const common = { headers: ResourceNameHeaders, tags: ['artifact'] };

  application.get(
    artifactsPath,
    {
      schema: {
        ...common,
        summary: 'List the artifacts of a repository, the last pushed first',
        params: RepositoryParameters,
        querystring: ArtifactListQuery,
        response: { 200: Type.Array(Artifact) },
      },
    },
    async (request, reply) => {
      const repository = await requireRepository(request, read, 'artifact:list');
      const page = pageOf(request.query);
      const { rows, total } = await listArtifacts(
        read,
        {
          repositoryId: repository.id,
          terms: parseFilter(request.query.q, artifactFilters),
          sort: parseSort(request.query.sort, artifactSorts),
        },
        page,
      );
      describePage(request, reply, page, total);
      return describe(repository, rows);
    },
  );

  application.get(
    artifactPath,
    {
      schema: {
        ...common,
        summary: 'Read an artifact by a tag or its digest',
        params: ArtifactParameters,
        response: { 200: Artifact },
      },
    },
    async (request) => {
      const { repository, artifact } = await requireArtifact(request, read, 'artifact:read');
      const [body] = await describe(repository, [artifact]);
      if (body === undefined) throw unknownArtifact(repository.name, request.params.reference);
      return body;
    },
  );

  application.delete(
    artifactPath,
    {
      schema: {
        ...common,
        summary: 'Delete an artifact with all of its tags',
        params: ArtifactParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'artifact:delete');
      const deleted = await database.write(deleteManifest, {
        repository: repository.name,
        digest: artifact.digest,
        linkedBefore: now() - grace,
        by: describePrincipal(request.caller.principal),
        now: now(),
      });
      if (!deleted) throw unknownArtifact(repository.name, request.params.reference);
      return reply.code(200).send();
    },
  );

  application.get(
    `${artifactPath}/accessories`,
    {
      schema: {
        ...common,
        summary: 'List what refers to an artifact: signatures, bills of materials',
        params: ArtifactParameters,
        querystring: ArtifactListQuery,
        response: { 200: Type.Array(Accessory) },
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'artifact:read');
      const page = pageOf(request.query);
      const rows = await accessoriesOf(read, repository.id, [artifact.digest]);
      describePage(request, reply, page, rows.length);
      return rows
        .slice(page.offset, page.offset + page.limit)
        .map((row) => accessoryBody(repository, artifact, row));
    },
  );

  application.get(
    `${artifactPath}/additions/:addition`,
    {
      schema: {
        ...common,
        summary: 'Read more of an artifact: values.yaml, readme.md, dependencies, build_history',
        params: AdditionParameters,
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'artifact:read');
      const name = request.params.addition.toLowerCase();
      const type = typeOfArtifact(artifact.artifactType);
      const source = additions.find(
        ({ artifactType, names }) => artifactType === type && names.includes(name),
      );
      const addition = await source?.read(artifact.id, name);
      if (addition === undefined) throw unknownAddition(repository.name, artifact.digest, name);
      reply.header('x-content-type-options', 'nosniff');
      return reply.type(addition.contentType).send(addition.body);
    },
  );
}

function unknownAddition(repository: string, digest: string, name: string): Refusal {
  return new Refusal(
    'not-found',
    `The artifact ${digest} of ${repository} has no ${quote(name)}; what was pushed a moment ago may still be being read.`,
  );
}
