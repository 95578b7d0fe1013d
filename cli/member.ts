import { type Command, InvalidArgumentError } from 'commander';
import type { Member } from '#contract/members.ts';
import { isWorkloadPattern, nameRules } from '#contract/names.ts';
import { type RoleName, roleIds } from '#contract/roles.ts';
import type { Api } from './api.ts';
import { addCommand, addNoun, answers } from './command.ts';
import type { Environment } from './environment.ts';
import { CommandFailure, UsageFailure } from './failure.ts';
import { projectPath } from './project.ts';
import { withApi } from './with-api.ts';

const roleNames = ['limited-guest', 'guest', 'developer', 'maintainer', 'project-admin'] as const;
const roleHelp = `one of ${roleNames.join(', ')}`;
const namespaceHelp = 'the workloads of CLUSTER/NAMESPACE instead of a user';

function readRole(text: string): RoleName {
  const wanted = text === 'admin' ? 'project-admin' : text;
  const role = roleNames.find((known) => known === wanted);
  if (role === undefined) throw new InvalidArgumentError(`Write ${roleHelp}.`);
  return role;
}

export function addMemberCommands(program: Command, environment: Environment) {
  const noun = addNoun(program, 'member', 'Say who may do what in a project');

  const add = addCommand(noun, 'add <project> [user]', {
    summary: 'Add a user, or the workloads of a Kubernetes namespace, to a project',
    description:
      'limited-guest and guest pull, developer also pushes, maintainer also deletes, project-admin also manages members.',
    examples: [
      'berth member add team alice --role developer',
      'berth member add team --namespace production/web --role guest',
    ],
  })
    .requiredOption('--role <role>', roleHelp, readRole)
    .option('--namespace <cluster/namespace>', namespaceHelp);
  answers(
    add,
    (options: { role: RoleName; namespace?: string }, project: string, user: string | undefined) =>
      withApi(environment, async (api) => {
        const name = memberName(user, options.namespace);
        const entity = name.includes('/')
          ? { member_workload: { name } }
          : { member_user: { username: name } };
        const body = { role_id: roleIds[options.role], ...entity };
        const { id, warning } = await api.post(membersPath(project), body);
        const done = `${name} is a member of ${project} now, as ${options.role}.`;
        return {
          json: { id, project, member: name, role: options.role, ...(warning && { warning }) },
          text: warning === undefined ? done : `${done}\nWarning: ${warning}`,
        };
      }),
  );

  const list = addCommand(noun, 'list <project>', {
    summary: 'List the members of a project',
    examples: ['berth member list team'],
  });
  answers(list, (_options, project: string) =>
    withApi(environment, async (api) => {
      const members = await api.list<Member>(membersPath(project), { sort: 'entity_name' });
      return {
        json: members,
        table: {
          columns: ['name', 'kind', 'role'],
          rows: members.map((member) => [
            member.entity_name,
            member.entity_type === 'u' ? 'user' : 'workload',
            roleNameOf(member),
          ]),
          empty: `The project ${project} has no members: add one with berth member add ${project} USER --role guest.`,
        },
      };
    }),
  );

  const remove = addCommand(noun, 'remove <project> [member]', {
    summary: 'Remove a member from a project',
    examples: [
      'berth member remove team alice',
      'berth member remove team --namespace production/web',
    ],
  }).option('--namespace <cluster/namespace>', namespaceHelp);
  answers(
    remove,
    ({ namespace }: { namespace?: string }, project: string, given: string | undefined) =>
      withApi(environment, async (api) => {
        const member = await findMember(api, project, memberName(given, namespace));
        await api.delete(`${membersPath(project)}/${member.id}`);
        return {
          json: { project, member: member.entity_name, removed: true },
          text: `${member.entity_name} is no member of ${project} any more.`,
        };
      }),
  );

  const role = addCommand(noun, 'role <project> <member> <role>', {
    summary: "Change a member's role",
    description: `A member is a user, or CLUSTER/NAMESPACE of Kubernetes; a role is ${roleHelp}.`,
    examples: ['berth member role team alice maintainer'],
  });
  answers(role, (_options, project: string, given: string, wanted: string) =>
    withApi(environment, async (api) => {
      const isWorkload = given.includes('/');
      const name = memberName(isWorkload ? undefined : given, isWorkload ? given : undefined);
      const role = requireRole(wanted);
      const member = await findMember(api, project, name);
      await api.put(`${membersPath(project)}/${member.id}`, { role_id: roleIds[role] });
      return {
        json: { project, member: name, role },
        text: `${name} is ${role} of ${project} now.`,
      };
    }),
  );
}

function requireRole(text: string): RoleName {
  try {
    return readRole(text);
  } catch {
    throw new UsageFailure(`${JSON.stringify(text.slice(0, 80))} is no role: write ${roleHelp}.`);
  }
}

function membersPath(project: string): string {
  return `${projectPath(project)}/members`;
}

/** A user's name, or `cluster/namespace/serviceaccount`. */
function memberName(user: string | undefined, namespace: string | undefined): string {
  if (user !== undefined && namespace !== undefined) {
    throw new UsageFailure('Give a user or --namespace, not both.');
  }
  if (namespace === undefined) {
    if (user === undefined)
      throw new UsageFailure('Give a user, or --namespace CLUSTER/NAMESPACE.');
    return user;
  }
  const workload = namespace.split('/').length === 2 ? `${namespace}/*` : namespace;
  if (isWorkloadPattern(workload)) return workload;
  throw new UsageFailure(
    `${JSON.stringify(namespace.slice(0, 200))} is no CLUSTER/NAMESPACE: with its service account it must ${nameRules.workload}.`,
  );
}

async function findMember(api: Api, project: string, name: string): Promise<Member> {
  const members = await api.list<Member>(membersPath(project), { entityname: name });
  const member = members.find(({ entity_name }) => entity_name === name);
  if (member !== undefined) return member;
  throw new CommandFailure(
    `${name} is no member of ${project}: run berth member list ${project} to see who is.`,
  );
}

function roleNameOf(member: Member): string {
  return roleNames.find((name) => roleIds[name] === member.role_id) ?? member.role_name;
}
