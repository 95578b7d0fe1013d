import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { neverExpires } from '#contract/durations.ts';
import { RowId } from '#contract/ids.ts';
import { isRobotName, nameRules } from '#contract/names.ts';
import { ListQuery } from '#contract/paging.ts';
import { Done } from '#contract/projects.ts';
import {
  CreatedRobot,
  Robot,
  RobotCreation,
  RobotSecret,
  RobotSecretChange,
  RobotUpdate,
} from '#contract/robots.ts';
import { hmacOfMachineSecret } from '#features/auth';
import { projectIdOf, projectNameOf } from '#features/projects';
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
  type Term,
} from '#server/http/rest/index.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import { authorizeIn, authorizeRobot, resourceOf } from './access.ts';
import { invalid } from './errors.ts';
import { storedNameOf } from './names.ts';
import { give, projectsIn, wireOf } from './permissions.ts';
import { givenTo, listRobots, type RobotRow, robotFilters, robotSorts } from './queries.ts';
import { checkDuration, onlyProject, projectAskedFor } from './requests.ts';
import { secretFor } from './secrets.ts';
import { createRobot, deleteRobot, expiryOf, setRobotSecret, updateRobot } from './writes.ts';

export interface RobotRoutesOptions {
  readonly database: Database;
  readonly prefix: string;
  readonly secretKey: Uint8Array;
  readonly clock: () => number;
}

const path = `${restPrefix}/robots`;
const RobotParameters = Type.Object({ robot: RowId });
const defaultDurationDays = 30;

export function addRobotRoutes(application: RestApplication, options: RobotRoutesOptions) {
  const { database, prefix, secretKey, clock } = options;
  const { read } = database;
  const tags = ['robot'];

  application.get(
    path,
    {
      schema: {
        tags,
        summary: 'List the robots of the system, or with q=Level=project,ProjectID=n of a project',
        querystring: ListQuery,
        response: { 200: Type.Array(Robot) },
      },
    },
    async (request, reply) => {
      const terms = parseFilter(request.query.q, robotFilters);
      const sort = parseSort(request.query.sort, robotSorts);
      const projectId = projectAskedFor(terms);
      const project = projectId === undefined ? undefined : await projectNameOf(read, projectId);
      await authorizeIn(request, 'robot:list', project);
      if (projectId !== undefined && project === undefined) {
        throw new Refusal('not-found', `There is no project with the id ${projectId}.`);
      }
      const page = pageOf(request.query);
      const name = storedTerm(terms.get('name'));
      const { rows, total } = await listRobots(read, { projectId, name, sort }, page);
      describePage(request, reply, page, total);
      return rows.map(robotBody);
    },
  );

  function storedTerm(term: Term | undefined): Term | undefined {
    if (term === undefined || !('value' in term) || !term.value.startsWith(prefix)) return term;
    return { ...term, value: term.value.slice(prefix.length) };
  }

  application.post(
    path,
    {
      schema: {
        tags,
        summary: 'Create a robot',
        body: RobotCreation,
        response: { 201: CreatedRobot },
      },
    },
    async (request, reply) => {
      const { name, level, description = '', disable = false, permissions } = request.body;
      const duration = checkDuration(request.body.duration ?? defaultDurationDays);
      if (!isRobotName(name)) throw invalid(`A robot name must ${nameRules.robot}.`);
      const project = level === 'project' ? onlyProject(permissions) : undefined;
      await authorize(request, 'robot:create', resourceOf(project));
      if (permissions.length === 0) throw invalid('Give the robot at least one permission.');
      const grants = await grantsOf(request, projectsIn(permissions));
      const given = await give(read, permissions, grants, []);
      const secret = secretFor(request.body.secret);
      const now = clock();
      const stored = project === undefined ? name : `${project}+${name}`;
      const id = await database.write(createRobot, {
        name: stored,
        project: await resolved(project),
        description,
        secretHmac: hmacOfMachineSecret(secretKey, secret),
        duration,
        disabled: disable,
        permissions: JSON.stringify(given),
        creator: describePrincipal(request.caller.principal),
        now,
      });
      reply.code(201).header('location', `${path}/${id}`).header('cache-control', 'no-store');
      return {
        id,
        name: `${prefix}${stored}`,
        secret,
        creation_time: new Date(now).toISOString(),
        expires_at: secondsOf(expiryOf(duration, now)),
      };
    },
  );

  async function resolved(project: string | undefined) {
    if (project === undefined) return undefined;
    const id = await projectIdOf(read, project);
    if (id === undefined) {
      throw new Refusal('not-found', `There is no project ${JSON.stringify(project)}.`);
    }
    return { id, name: project };
  }

  application.get(
    `${path}/:robot`,
    {
      schema: {
        tags,
        summary: 'Read a robot',
        params: RobotParameters,
        response: { 200: Robot },
      },
    },
    async (request) =>
      robotBody(await authorizeRobot(request, read, 'robot:read', request.params.robot)),
  );

  application.put(
    `${path}/:robot`,
    {
      schema: {
        tags,
        summary: 'Change a robot',
        params: RobotParameters,
        body: RobotUpdate,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const id = request.params.robot;
      const row = await authorizeRobot(request, read, 'robot:update', id);
      const { name, level, description, duration, disable, permissions } = request.body;
      if (name !== undefined && storedNameOf(prefix, name) !== row.name) {
        throw invalid(`The name of a robot cannot be changed: send ${prefix}${row.name}.`);
      }
      if (level !== undefined && level !== row.level) {
        throw invalid(`The level of a robot cannot be changed: send ${row.level}.`);
      }
      await database.write(updateRobot, {
        id,
        ...(description !== undefined && { description }),
        ...(duration !== undefined && { duration: checkDuration(duration) }),
        ...(disable !== undefined && { disabled: disable }),
        ...(permissions !== undefined && {
          permissions: JSON.stringify(await changed(request, row, permissions)),
        }),
        now: clock(),
      });
      return reply.code(200).send();
    },
  );

  async function changed(
    request: FastifyRequest,
    row: RobotRow,
    permissions: RobotCreation['permissions'],
  ) {
    if (permissions.length === 0) throw invalid('Leave the robot at least one permission.');
    const own = row.project_id === null ? undefined : await projectNameOf(read, row.project_id);
    if (own !== undefined && onlyProject(permissions) !== own) {
      throw invalid(`Robot ${prefix}${row.name} gets permissions in its project ${own} only.`);
    }
    const grants = await grantsOf(request, projectsIn(permissions));
    return give(read, permissions, grants, givenTo(row));
  }

  application.patch(
    `${path}/:robot`,
    {
      schema: {
        tags,
        summary: "Set a robot's secret, or make it a new one",
        params: RobotParameters,
        body: RobotSecretChange,
        response: { 200: RobotSecret },
      },
    },
    async (request, reply) => {
      const id = request.params.robot;
      await authorizeRobot(request, read, 'robot:update', id);
      const secret = secretFor(request.body.secret);
      const secretHmac = hmacOfMachineSecret(secretKey, secret);
      await database.write(setRobotSecret, { id, secretHmac, now: clock() });
      reply.header('cache-control', 'no-store');
      return { secret };
    },
  );

  application.delete(
    `${path}/:robot`,
    {
      schema: {
        tags,
        summary: 'Delete a robot',
        params: RobotParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const id = request.params.robot;
      await authorizeRobot(request, read, 'robot:delete', id);
      await database.write(deleteRobot, { id });
      return reply.code(200).send();
    },
  );

  function robotBody(row: RobotRow): Robot {
    return {
      id: row.id,
      name: `${prefix}${row.name}`,
      description: row.description,
      level: row.level,
      duration: row.duration,
      editable: true,
      disable: row.disabled === 1,
      expires_at: secondsOf(row.expires_at),
      creation_time: new Date(row.created_at).toISOString(),
      update_time: new Date(row.updated_at).toISOString(),
      permissions: wireOf(givenTo(row)),
    };
  }
}

function secondsOf(moment: number | null): number {
  return moment === null ? neverExpires : Math.floor(moment / 1000);
}
