import { Type } from 'typebox';
import {
  Member,
  MemberChange,
  MemberCreation,
  MemberListQuery,
  MemberParameters,
} from '#contract/members.ts';
import { Done, ProjectParameters, ResourceNameHeaders } from '#contract/projects.ts';
import { harborRoleNames, roleIds, roleOfId } from '#contract/roles.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import {
  describePage,
  pageOf,
  parseFilter,
  parseSort,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import type { Role } from '#server/permissions/roles.ts';
import { unknownMember } from './errors.ts';
import { addMember, changeRole, type MemberEntity, removeMember } from './member-writes.ts';
import {
  listMembers,
  type MemberRow,
  memberFilters,
  memberSorts,
  readMember,
} from './members-queries.ts';
import { authorizeProject } from './resolve.ts';

/** What whoever makes a workload a member should know: a sentence in ASCII without quotes. */
export type WarningOfWorkload = (workload: string) => Promise<string | undefined>;

export function addMemberRoutes(
  application: RestApplication,
  database: Database,
  warningOf: WarningOfWorkload = async () => undefined,
) {
  const { read } = database;
  const path = `${restPrefix}/projects/:project/members`;
  const common = { headers: ResourceNameHeaders, tags: ['member'] };

  application.get(
    path,
    {
      schema: {
        ...common,
        summary: 'List the members of a project',
        params: ProjectParameters,
        querystring: MemberListQuery,
        response: { 200: Type.Array(Member) },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'member:list');
      const page = pageOf(request.query);
      const { rows, total } = await listMembers(
        read,
        {
          projectId: id,
          name: request.query.entityname,
          terms: parseFilter(request.query.q, memberFilters),
          sort: parseSort(request.query.sort, memberSorts),
        },
        page,
      );
      describePage(request, reply, page, total);
      return rows.map(memberBody);
    },
  );

  application.post(
    path,
    {
      schema: {
        ...common,
        summary: 'Add a user, or the workloads of a Kubernetes cluster, to a project',
        params: ProjectParameters,
        body: MemberCreation,
        response: { 201: Done },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'member:create');
      const entity = entityOf(request.body);
      const memberId = await database.write(addMember, {
        projectId: id,
        entity,
        role: requireRole(request.body.role_id),
        now: Date.now(),
      });
      const location = `${restPrefix}/projects/${request.params.project}/members/${memberId}`;
      const warning = entity.kind === 'workload' ? await warningOf(entity.workload) : undefined;
      // As the API server of Kubernetes warns.
      if (warning !== undefined) reply.header('warning', `299 - "${warning}"`);
      return reply.code(201).header('location', location).send();
    },
  );

  application.get(
    `${path}/:member`,
    {
      schema: {
        ...common,
        summary: 'Read a membership',
        params: MemberParameters,
        response: { 200: Member },
      },
    },
    async (request) => {
      const { id, name } = await authorizeProject(request, read, 'member:read');
      const row = await readMember(read, id, request.params.member);
      if (row === undefined) throw unknownMember(name, request.params.member);
      return memberBody(row);
    },
  );

  application.put(
    `${path}/:member`,
    {
      schema: {
        ...common,
        summary: "Change a member's role",
        params: MemberParameters,
        body: MemberChange,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'member:update');
      await database.write(changeRole, {
        projectId: id,
        memberId: request.params.member,
        role: requireRole(request.body.role_id),
      });
      return reply.code(200).send();
    },
  );

  application.delete(
    `${path}/:member`,
    {
      schema: {
        ...common,
        summary: 'Remove a member',
        params: MemberParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const { id } = await authorizeProject(request, read, 'member:delete');
      await database.write(removeMember, { projectId: id, memberId: request.params.member });
      return reply.code(200).send();
    },
  );
}

/** @throws {Refusal} `invalid` unless exactly one of the forms of a member is given */
function entityOf({
  member_user: user,
  member_workload: workload,
  member_group: group,
}: MemberCreation): MemberEntity {
  if (group !== undefined && group !== null) {
    throw new Refusal('invalid', 'This server has no user groups: give member_user.');
  }
  if (workload && user) {
    throw new Refusal('invalid', 'Give member_user or member_workload, not both.');
  }
  if (workload) return { kind: 'workload', workload: workload.name };
  if (user?.user_id) return { kind: 'user', userId: user.user_id };
  if (user?.username) return { kind: 'user', username: user.username };
  throw new Refusal(
    'invalid',
    'Say who becomes a member: member_user with a username or user_id, or member_workload with a name.',
  );
}

function requireRole(id: number): Role {
  const role = roleOfId(id);
  if (role === undefined) {
    throw new Refusal('invalid', 'role_id is 1 admin, 2 developer, 3 guest, 4 maintainer or 5.');
  }
  return role;
}

function memberBody(row: MemberRow): Member {
  return {
    id: row.id,
    project_id: row.project_id,
    entity_name: row.name,
    entity_type: row.kind === 'user' ? 'u' : 'w',
    ...(row.user_id !== null && { entity_id: row.user_id }),
    role_id: roleIds[row.role],
    role_name: harborRoleNames[row.role],
  };
}
