import type { FastifyRequest } from 'fastify';
import type { Reader } from '#server/database/database.ts';
import { authorize, grantsOf } from '#server/http/rest/index.ts';
import { decide, type Grants } from '#server/permissions/decide.ts';
import type { Permission } from '#server/permissions/roles.ts';
import { unknownProject } from './errors.ts';
import { projectIdOf, projectNameOf } from './queries.ts';

export interface ResolvedProject {
  readonly id: number;
  readonly name: string;
  readonly grants: Grants;
}

/** A request whose path names a project, by its id or its name. */
type ProjectRequest = FastifyRequest<{
  Params: { project: string };
  Headers: { 'x-is-resource-name'?: string };
}>;

/**
 * The project that a request names, once its caller may do `permission` there. Who is not allowed
 * to know learns nothing: absent and forbidden projects are refused alike.
 * @throws {Refusal} `unauthenticated`, `denied`; `not-found` for those who may know
 */
export async function authorizeProject(
  request: ProjectRequest,
  read: Reader,
  permission: Permission,
): Promise<ResolvedProject> {
  const given = request.params.project;
  const isId = /^\d{1,15}$/.test(given) && request.headers['x-is-resource-name'] !== 'true';
  const name = isId ? await projectNameOf(read, Number(given)) : given;
  // A project that is known by its number only is not named to those who may not see it.
  const named = name !== undefined && (!isId || (await maySee(request, name)));
  const resource = { kind: 'project', project: named ? name : given } as const;
  const grants = await authorize(request, permission, resource);
  if (name === undefined) throw unknownProject(given);
  const id = isId ? Number(given) : await projectIdOf(read, name);
  if (id === undefined) throw unknownProject(given);
  return { id, name, grants };
}

async function maySee(request: FastifyRequest, project: string): Promise<boolean> {
  const grants = await grantsOf(request, [project]);
  return decide(grants, 'project:read', { kind: 'project', project }).allowed;
}
