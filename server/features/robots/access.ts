import type { FastifyRequest } from 'fastify';
import { projectNameOf } from '#features/projects';
import type { Reader } from '#server/database/database.ts';
import { authorize, grantsOf } from '#server/http/rest/index.ts';
import { decide, type Resource, systemResource } from '#server/permissions/decide.ts';
import type { Permission } from '#server/permissions/roles.ts';
import { unknownRobot } from './errors.ts';
import { type RobotRow, readRobot } from './queries.ts';

/** Where the robots of `project`, or of the system, are looked after. */
export function resourceOf(project: string | undefined): Resource {
  return project === undefined ? systemResource : { kind: 'project', project };
}

/**
 * Robots of projects belong to who may see them there; absent ones are told to admins only.
 * @throws {Refusal} `unauthenticated`, `denied`, `not-found`
 */
export async function authorizeRobot(
  request: FastifyRequest,
  read: Reader,
  permission: Permission,
  id: number,
): Promise<RobotRow> {
  const row = await readRobot(read, id);
  const project =
    row === undefined || row.project_id === null
      ? undefined
      : await projectNameOf(read, row.project_id);
  await authorizeIn(request, permission, project);
  if (row === undefined) throw unknownRobot(id);
  return row;
}

/** A project that is known by a number only is not named to those who may not see it. */
export async function authorizeIn(
  request: FastifyRequest,
  permission: Permission,
  project: string | undefined,
) {
  const resource = resourceOf(project);
  const grants = await grantsOf(request, project === undefined ? [] : [project]);
  const decision = decide(grants, permission, resource);
  if (decision.allowed) return;
  await authorize(request, permission, decision.visible ? resource : systemResource);
}
