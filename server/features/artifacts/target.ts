import type { FastifyRequest } from 'fastify';
import { authorizeProject } from '#features/projects';
import { parseManifestReference } from '#oci/reference.ts';
import type { Reader } from '#server/database/database.ts';
import { decodeAgain, repositoryParameter } from '#server/http/rest/index.ts';
import type { Permission } from '#server/permissions/roles.ts';
import { unknownArtifact, unknownRepository } from './errors.ts';
import { type ArtifactRow, findArtifact } from './queries.ts';
import { type RepositoryRow, repositoryNamed } from './repository-queries.ts';

type RepositoryRequest = FastifyRequest<{
  Params: { project: string; repository: string };
  Headers: { 'x-is-resource-name'?: string };
}>;

type ArtifactRequest = FastifyRequest<{
  Params: { project: string; repository: string; reference: string };
  Headers: { 'x-is-resource-name'?: string };
}>;

/**
 * The repository that a request names, once its caller may do `permission` in its project.
 * @throws {Refusal} `unauthenticated`, `denied`, `invalid`; `not-found` for those who may know
 */
export async function requireRepository(
  request: RepositoryRequest,
  read: Reader,
  permission: Permission,
): Promise<RepositoryRow> {
  const project = await authorizeProject(request, read, permission);
  const name = repositoryParameter(project.name, request.params.repository);
  const repository = await repositoryNamed(read, name);
  if (repository === undefined) throw unknownRepository(name);
  return repository;
}

/**
 * The artifact that a request names by a tag or a digest.
 * @throws {Refusal | OciError} as `requireRepository`, and for malformed references
 */
export async function requireArtifact(
  request: ArtifactRequest,
  read: Reader,
  permission: Permission,
): Promise<{ readonly repository: RepositoryRow; readonly artifact: ArtifactRow }> {
  const repository = await requireRepository(request, read, permission);
  const text = decodeAgain(request.params.reference);
  const artifact = await findArtifact(read, repository.id, parseManifestReference(text));
  if (artifact === undefined) throw unknownArtifact(repository.name, text);
  return { repository, artifact };
}
