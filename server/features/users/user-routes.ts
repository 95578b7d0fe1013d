import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { RowId } from '#contract/ids.ts';
import { ListQuery } from '#contract/paging.ts';
import { Done } from '#contract/projects.ts';
import {
  PasswordChange,
  SystemAdminFlag,
  User,
  UserCreation,
  UserProfile,
} from '#contract/users.ts';
import { Refusal } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import {
  authorize,
  describePage,
  pageOf,
  parseFilter,
  parseSort,
  type RestApplication,
  requireUser,
  restPrefix,
} from '#server/http/rest/index.ts';
import { systemResource } from '#server/permissions/decide.ts';
import { describePrincipal } from '#server/permissions/principals.ts';
import type { Permission } from '#server/permissions/roles.ts';
import { checkUserName, unknownUser } from './errors.ts';
import { hashPassword } from './password-hash.ts';
import { checkPassword } from './password-policy.ts';
import { listUsers, readUser, type UserRow, userFilters, userSorts } from './queries.ts';
import { createUser, deleteUser, setPassword, setSystemAdmin, updateProfile } from './writes.ts';

export interface UserRoutesOptions {
  readonly database: Database;
  readonly clock: () => number;
  /** @throws {Refusal} unless `password` is the one that user `id` has now */
  checkOldPassword(id: number, password: string | undefined, address: string): Promise<void>;
}

const path = `${restPrefix}/users`;
const UserParameters = Type.Object({ user: RowId });

export function addUserRoutes(application: RestApplication, options: UserRoutesOptions) {
  const { database, clock, checkOldPassword } = options;
  const { read } = database;
  const tags = ['user'];

  application.get(
    path,
    {
      schema: {
        tags,
        summary: 'List users',
        querystring: ListQuery,
        response: { 200: Type.Array(User) },
      },
    },
    async (request, reply) => {
      await authorize(request, 'user:list', systemResource);
      const page = pageOf(request.query);
      const terms = parseFilter(request.query.q, userFilters);
      const sort = parseSort(request.query.sort, userSorts);
      const { rows, total } = await listUsers(read, { terms, sort }, page);
      describePage(request, reply, page, total);
      return rows.map(userBody);
    },
  );

  application.post(
    path,
    {
      schema: {
        tags,
        summary: 'Create a user',
        body: UserCreation,
        response: { 201: Done },
      },
    },
    async (request, reply) => {
      await authorize(request, 'user:create', systemResource);
      const { username, password, email, realname = '', comment = '' } = request.body;
      checkUserName(username);
      checkPassword(username, password);
      const id = await database.write(createUser, {
        username,
        passwordHash: await hashPassword(password),
        email: email || null,
        realname,
        comment,
        now: clock(),
      });
      return reply.code(201).header('location', `${path}/${id}`).send();
    },
  );

  application.get(
    `${path}/current`,
    { schema: { tags, summary: 'Who is signed in', response: { 200: User } } },
    async (request) => read200(requireUser(request).id),
  );

  application.get(
    `${path}/:user`,
    {
      schema: {
        tags,
        summary: 'Read a user',
        params: UserParameters,
        response: { 200: User },
      },
    },
    async (request) => {
      await authorizeUnlessSelf(request, 'user:read', request.params.user);
      return read200(request.params.user);
    },
  );

  async function read200(id: number): Promise<User> {
    const row = await readUser(read, id);
    if (row === undefined) throw unknownUser(id);
    return userBody(row);
  }

  application.put(
    `${path}/:user`,
    {
      schema: {
        tags,
        summary: "Change a user's profile",
        params: UserParameters,
        body: UserProfile,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const id = request.params.user;
      await authorizeUnlessSelf(request, 'user:update', id);
      const { email, realname, comment } = request.body;
      await database.write(updateProfile, {
        id,
        ...(email !== undefined && { email: email || null }),
        ...(realname !== undefined && { realname }),
        ...(comment !== undefined && { comment }),
        now: clock(),
      });
      return reply.code(200).send();
    },
  );

  application.put(
    `${path}/:user/sysadmin`,
    {
      schema: {
        tags,
        summary: 'Make a user a system admin, or no longer',
        params: UserParameters,
        body: SystemAdminFlag,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      await requireSystemAdmin(request);
      await database.write(setSystemAdmin, {
        id: request.params.user,
        admin: request.body.sysadmin_flag,
        now: clock(),
      });
      return reply.code(200).send();
    },
  );

  application.put(
    `${path}/:user/password`,
    {
      schema: {
        tags,
        summary: "Change one's own password, or set that of another user",
        params: UserParameters,
        body: PasswordChange,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      const id = request.params.user;
      const { old_password: old, new_password: password } = request.body;
      if (!isSelf(request, id)) await requireSystemAdmin(request);
      const user = await readUser(read, id);
      if (user === undefined) throw unknownUser(id);
      if (isSelf(request, id)) await checkOldPassword(id, old, request.clientAddress);
      checkPassword(user.username, password);
      const passwordHash = await hashPassword(password);
      await database.write(setPassword, { id, passwordHash, now: clock() });
      return reply.code(200).send();
    },
  );

  application.delete(
    `${path}/:user`,
    {
      schema: {
        tags,
        summary: 'Delete a user',
        params: UserParameters,
        response: { 200: Done },
      },
    },
    async (request, reply) => {
      await authorize(request, 'user:delete', systemResource);
      await database.write(deleteUser, { id: request.params.user });
      return reply.code(200).send();
    },
  );
}

function isSelf({ caller: { principal } }: FastifyRequest, id: number): boolean {
  return principal.kind === 'user' && principal.id === id;
}

async function authorizeUnlessSelf(request: FastifyRequest, permission: Permission, id: number) {
  if (!isSelf(request, id)) await authorize(request, permission, systemResource);
}

/** For what would make a robot that may update users a system admin. */
async function requireSystemAdmin(request: FastifyRequest) {
  const { principal, systemAdmin } = await authorize(request, 'user:update', systemResource);
  if (systemAdmin) return;
  throw new Refusal('denied', `${describePrincipal(principal)} is no system admin, as this needs.`);
}

function userBody(row: UserRow): User {
  return {
    user_id: row.id,
    username: row.username,
    email: row.email ?? '',
    realname: row.realname,
    comment: row.comment,
    sysadmin_flag: row.admin === 1,
    admin_role_in_auth: false,
    creation_time: new Date(row.created_at).toISOString(),
    update_time: new Date(row.updated_at).toISOString(),
  };
}
