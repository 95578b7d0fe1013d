import type { FastifyRequest } from 'fastify';
import { projectIdOf } from '#features/projects';
import { Refusal } from '#lib/errors.ts';
import type { Reader } from '#server/database/database.ts';
import { authorize } from '#server/http/rest/index.ts';
import type { Permission } from '#server/permissions/roles.ts';
import { shown } from './errors.ts';

/**
 * The id of a project that Helm's own clients name, never by its id.
 * @throws {Refusal} `unauthenticated`, `denied`; `not-found` for those who may know
 */
export async function authorizeByName(
  request: FastifyRequest,
  read: Reader,
  project: string,
  permission: Permission,
): Promise<number> {
  await authorize(request, permission, { kind: 'project', project });
  const id = await projectIdOf(read, project);
  if (id !== undefined) return id;
  throw new Refusal('not-found', `There is no project ${shown(project)}.`);
}
