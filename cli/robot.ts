import type { Command } from 'commander';
import type { Project } from '#contract/projects.ts';
import type { CreatedRobot, Robot, RobotAccess, RobotPermission } from '#contract/robots.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers, collect, wholeDays } from './command.ts';
import type { Environment } from './environment.ts';
import { ApiFailure, CommandFailure, UsageFailure } from './failure.ts';
import { timeText } from './output.ts';
import { projectPath } from './project.ts';
import { withApi } from './with-api.ts';

const permissionHelp = 'pull, push, or RESOURCE:ACTION such as artifact:delete';

interface Reach {
  readonly project?: readonly string[];
  readonly everyProject?: boolean;
  readonly permission?: readonly string[];
}

export function addRobotCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'robot', 'Manage accounts of programs, such as CI and clusters');

  const create = addCommand(noun, 'create <name>', {
    summary: 'Create a robot and print its secret, once',
    description: 'A robot of one project is managed by the admins of that project.',
    examples: [
      'berth robot create ci --project team --permission push',
      'berth robot create mirror --every-project --days 365',
    ],
  })
    .option('--project <project>', 'where it may act; can be repeated', collect)
    .option('--every-project', 'it may act in every project, also in those to come')
    .option(
      '--permission <permission>',
      `${permissionHelp}; can be repeated (default: pull)`,
      collect,
    )
    .option(
      '--system <permission>',
      'what it may do outside projects, such as project:create',
      collect,
    )
    .option('--days <days>', 'days until its secret ends (default: 30)', wholeDays)
    .option('--never-expires', 'its secret never ends')
    .option('--description <text>');
  answers(create, (options: CreateOptions, name: string) =>
    withApi(environment, async (api) => {
      const robot = await createRobot(api, name, options);
      return {
        json: robot,
        text: `Name:   ${robot.name}\nSecret: ${robot.secret}`,
        hint: hint(api, robot.name),
      };
    }),
  );

  const list = addCommand(noun, 'list', {
    summary: 'List the robots of the system, or of a project',
    examples: ['berth robot list', 'berth robot list --project team'],
  }).option('--project <project>', 'the robots of this project');
  answers(list, ({ project }: { project?: string }) =>
    withApi(environment, async (api) => {
      const robots = await listRobots(api, project);
      return {
        json: robots,
        table: {
          columns: ['name', 'state', 'secret ends', 'may'],
          rows: robots.map((robot) => [
            robot.name,
            stateOf(robot),
            timeText(endOf(robot), 'never'),
            robot.permissions.map(permissionText).join('; '),
          ]),
          empty: `There are no robots${project === undefined ? ' of the system' : ` of ${project}`}.`,
        },
      };
    }),
  );

  const update = addCommand(noun, 'update <name>', {
    summary: 'Let a robot do more',
    examples: ['berth robot update robot+team+ci --permission repository:push --project team'],
  })
    .option('--project <project>', 'where it may act; can be repeated', collect)
    .option('--every-project', 'it may act in every project, also in those to come')
    .option(
      '--permission <permission>',
      `${permissionHelp}; can be repeated (default: pull)`,
      collect,
    );
  answers(update, (reach: Reach, name: string) =>
    withApi(environment, async (api) => {
      const robot = await findRobot(api, name);
      const permissions = joined([...robot.permissions, ...permissionsOf(reach, [])]);
      await api.put(`/robots/${robot.id}`, { permissions });
      return {
        json: { name: robot.name, permissions },
        text: `${robot.name} may now: ${permissions.map(permissionText).join('; ')}.`,
      };
    }),
  );

  for (const [verb, disable] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    const command = addCommand(noun, `${verb} <name>`, {
      summary: disable ? 'Keep a robot from signing in' : 'Let a robot sign in again',
      examples: [`berth robot ${verb} robot+team+ci`],
    });
    answers(command, (_options, name: string) =>
      withApi(environment, async (api) => {
        const robot = await findRobot(api, name);
        await api.put(`/robots/${robot.id}`, { disable });
        return {
          json: { name: robot.name, disabled: disable },
          text: `${robot.name} is ${disable ? 'disabled' : 'enabled'}.`,
        };
      }),
    );
  }

  const refresh = addCommand(noun, 'refresh <name>', {
    summary: 'Give a robot a new secret, printed once; the old one ends',
    examples: ['berth robot refresh robot+team+ci'],
  });
  answers(refresh, (_options, name: string) =>
    withApi(environment, async (api) => {
      const robot = await findRobot(api, name);
      const { secret } = await api.patch<{ secret: string }>(`/robots/${robot.id}`, {});
      return {
        json: { name: robot.name, secret },
        text: `Name:   ${robot.name}\nSecret: ${secret}`,
        hint: hint(api, robot.name),
      };
    }),
  );

  const remove = addCommand(noun, 'remove <name>', {
    summary: 'Remove a robot, which ends with its next request',
    examples: ['berth robot remove robot+team+ci'],
  });
  answers(remove, (_options, name: string) =>
    withApi(environment, async (api) => {
      const robot = await findRobot(api, name);
      await api.delete(`/robots/${robot.id}`);
      return { json: { name: robot.name, removed: true }, text: `Removed ${robot.name}.` };
    }),
  );
}

export interface CreateOptions extends Reach {
  readonly system?: readonly string[];
  readonly days?: number;
  readonly neverExpires?: boolean;
  readonly description?: string;
}

export async function createRobot(
  api: Api,
  name: string,
  options: CreateOptions,
): Promise<CreatedRobot> {
  const { project = [], everyProject = false, system = [], days, neverExpires } = options;
  if (days !== undefined && neverExpires) {
    throw new UsageFailure('Give --days or --never-expires, not both.');
  }
  const ofOneProject = project.length === 1 && !everyProject && system.length === 0;
  const { body } = await api.post<CreatedRobot>('/robots', {
    name,
    level: ofOneProject ? 'project' : 'system',
    permissions: permissionsOf(options, system),
    ...(days !== undefined && { duration: days }),
    ...(neverExpires && { duration: -1 }),
    ...(options.description !== undefined && { description: options.description }),
  });
  return body;
}

function hint({ server }: Api, name: string): string {
  return `Shown only now. Sign in with: docker login --username '${name}' ${server}`;
}

function permissionsOf(reach: Reach, system: readonly string[]): RobotPermission[] {
  const { project = [], everyProject = false, permission = ['pull'] } = reach;
  const access = permission.flatMap(readAccess);
  const namespaces = [...project, ...(everyProject ? ['*'] : [])];
  if (namespaces.length === 0 && system.length === 0) {
    throw new UsageFailure('Say where the robot may act: --project PROJECT, or --every-project.');
  }
  return [
    ...namespaces.map((namespace) => ({ kind: 'project' as const, namespace, access })),
    ...(system.length === 0
      ? []
      : [{ kind: 'system' as const, namespace: '/', access: system.flatMap(readAccess) }]),
  ];
}

function readAccess(text: string): RobotAccess[] {
  if (text === 'pull') return [{ resource: 'repository', action: 'pull' }];
  if (text === 'push') return [...readAccess('pull'), { resource: 'repository', action: 'push' }];
  const [resource, action, ...rest] = text.split(':');
  if (!resource || !action || rest.length > 0) {
    throw new UsageFailure(`${JSON.stringify(text)} is no permission: write ${permissionHelp}.`);
  }
  return [{ resource, action }];
}

/** One entry a place, each permission once. */
function joined(permissions: readonly RobotPermission[]): RobotPermission[] {
  const places = new Map<string, RobotPermission>();
  for (const { kind, namespace, access } of permissions) {
    const place = `${kind} ${namespace}`;
    const earlier = places.get(place)?.access ?? [];
    const added = access.filter(
      ({ resource, action }) =>
        !earlier.some((each) => each.resource === resource && each.action === action),
    );
    places.set(place, { kind, namespace, access: [...earlier, ...added] });
  }
  return [...places.values()];
}

async function listRobots(api: Api, project: string | undefined): Promise<Robot[]> {
  if (project === undefined) return api.list<Robot>('/robots', { sort: 'name' });
  const { project_id: id } = await api.get<Project>(projectPath(project));
  return api.list<Robot>('/robots', { q: `Level=project,ProjectID=${id}`, sort: 'name' });
}

/** By the full name, or by what follows its prefix: `team+ci`, `mirror`. */
async function findRobot(api: Api, name: string): Promise<Robot> {
  const project = name.includes('+') ? name.split('+').at(-2) : undefined;
  const candidates = [
    ...(project === undefined ? [] : await orNone(() => listRobots(api, project))),
    ...(await orNone(() => listRobots(api, undefined))),
  ];
  const robot =
    candidates.find((each) => each.name === name) ??
    candidates.find((each) => each.name.endsWith(`+${name}`) || each.name.endsWith(`$${name}`));
  if (robot !== undefined) return robot;
  throw new CommandFailure(
    `There is no robot ${name} that you may see: run berth robot list, or berth robot list --project PROJECT.`,
  );
}

/** Lists that the caller may not see, or of projects that are none, hold no candidate. */
async function orNone(list: () => Promise<Robot[]>): Promise<Robot[]> {
  try {
    return await list();
  } catch (error) {
    if (error instanceof ApiFailure && (error.status === 403 || error.status === 404)) return [];
    throw error;
  }
}

function endOf(robot: Robot): string | undefined {
  return robot.expires_at < 0 ? undefined : new Date(robot.expires_at * 1000).toISOString();
}

function stateOf(robot: Robot): string {
  if (robot.disable) return 'disabled';
  return robot.expires_at >= 0 && robot.expires_at * 1000 <= Date.now() ? 'expired' : 'active';
}

function permissionText({ kind, namespace, access }: RobotPermission): string {
  const what = access.map(({ resource, action }) => `${resource}:${action}`).join(' ');
  if (kind === 'system') return what;
  return `${what} in ${namespace === '*' ? 'every project' : namespace}`;
}
