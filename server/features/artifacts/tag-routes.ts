import { Type } from 'typebox';
import {
  ArtifactListQuery,
  ArtifactParameters,
  ArtifactTagParameters,
  Tag,
  TagCreation,
} from '#contract/artifacts.ts';
import { isTagName, nameRules } from '#contract/names.ts';
import { Done, ResourceNameHeaders } from '#contract/projects.ts';
import { deleteTag } from '#features/registry';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { Database } from '#server/database/database.ts';
import {
  describePage,
  pageOf,
  parseFilter,
  type RestApplication,
} from '#server/http/rest/index.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { artifactsPath } from './artifact-routes.ts';
import { artifactPath, tagBody } from './describe.ts';
import { unknownArtifact, unknownTag } from './errors.ts';
import { listTags, tagsOf } from './related-queries.ts';
import { requireArtifact } from './target.ts';
import { createTag } from './writes.ts';

const path = `${artifactsPath}/:reference/tags`;

/** The names of an artifact. */
export function addTagRoutes(
  application: RestApplication,
  { database, now }: { database: Database; now: () => number },
) {
  const { read } = database;
  const common = { headers: ResourceNameHeaders, tags: ['artifact'] };

  application.get(
    path,
    {
      schema: {
        ...common,
        summary: 'List the tags of an artifact',
        params: ArtifactParameters,
        querystring: ArtifactListQuery,
        response: { 200: Type.Array(Tag) },
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'tag:list');
      const page = pageOf(request.query);
      const name = parseFilter(request.query.q, ['name']).get('name');
      const { rows, total } = await listTags(read, artifact.id, name, page);
      describePage(request, reply, page, total);
      return rows.map((tag) => tagBody(repository, tag));
    },
  );

  application.post(
    path,
    {
      schema: {
        ...common,
        summary: 'Tag an artifact',
        params: ArtifactParameters,
        body: TagCreation,
        response: { 201: Done },
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'tag:create');
      const { name: tag } = request.body;
      if (!isTagName(tag)) {
        throw new Refusal(
          'invalid',
          `The tag ${quote(tag)} is not valid: it must ${nameRules.tag}.`,
        );
      }
      const outcome = await database.write(createTag, {
        repository: repository.name,
        repositoryId: repository.id,
        digest: artifact.digest,
        tag,
        by: describePrincipal(request.caller.principal),
        now: now(),
      });
      if (outcome === 'unknown') {
        throw unknownArtifact(repository.name, request.params.reference);
      }
      if (outcome === 'exists') {
        throw new Refusal(
          'conflict',
          `${repository.name} has the tag ${tag} already: delete it first, or push to it to move it.`,
        );
      }
      const location = `${artifactPath(repository.name, request.params.reference)}/tags/${tag}`;
      return reply.code(201).header('location', location).send();
    },
  );

  application.delete(
    `${path}/:tag`,
    {
      schema: {
        ...common,
        summary: 'Delete a tag and leave its artifact',
        params: ArtifactTagParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { repository, artifact } = await requireArtifact(request, read, 'tag:delete');
      const { reference, tag } = request.params;
      const tags = await tagsOf(read, [artifact.id]);
      const deleted =
        tags.some(({ name }) => name === tag) &&
        (await database.write(deleteTag, {
          repository: repository.name,
          tag,
          by: describePrincipal(request.caller.principal),
          now: now(),
        }));
      if (!deleted) throw unknownTag(repository.name, reference, tag);
      return reply.code(200).send();
    },
  );
}
