import { isWorkloadPattern, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import { quote } from '#lib/quote.ts';
import type { Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import type { Role } from '#server/permissions/roles.ts';
import { unknownMember, unknownProject } from './errors.ts';
import { projectNameOf } from './queries.ts';

/** Whom a membership belongs to. */
export type MemberEntity =
  | { readonly kind: 'user'; readonly username: string }
  | { readonly kind: 'user'; readonly userId: number }
  | { readonly kind: 'workload'; readonly workload: string };

export interface NewMember {
  readonly projectId: number;
  readonly entity: MemberEntity;
  readonly role: Role;
  readonly now: number;
}

/**
 * @returns the new membership's id
 * @throws {Refusal} `not-found`, `invalid`, `conflict`
 */
export const addMember: Write<NewMember, number> = {
  name: 'projects.add-member',
  durability: 'durable',
  run: async (transaction, { projectId, entity, role, now }) => {
    const project = await projectNameOf(transaction, projectId);
    if (project === undefined) throw unknownProject(String(projectId));
    const { name, columns } = await resolveEntity(transaction, entity);
    const row = await transaction
      .insertInto('project_members')
      .values({ project_id: projectId, ...columns, role, created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) {
      throw new Refusal(
        'conflict',
        `${name} is a member of project ${project} already: change the role with berth member role ${project} ${name} ${role}.`,
      );
    }
    await bumpGrantGeneration(transaction);
    return row.id;
  },
};

async function resolveEntity(transaction: Transaction, entity: MemberEntity) {
  if (entity.kind === 'workload') {
    const { workload } = entity;
    if (!isWorkloadPattern(workload)) {
      throw new Refusal(
        'invalid',
        `${quote(workload)} names no workloads: it must ${nameRules.workload}.`,
      );
    }
    return { name: workload, columns: { kind: 'workload', user_id: null, workload } as const };
  }
  const users = transaction.selectFrom('users').select(['id', 'username']);
  const user = await ('username' in entity
    ? users.where('username', '=', entity.username)
    : users.where('id', '=', entity.userId)
  ).executeTakeFirst();
  if (user === undefined) {
    const asked = 'username' in entity ? quote(entity.username) : `with the id ${entity.userId}`;
    throw new Refusal(
      'not-found',
      `There is no user ${asked}: a system admin can create one with berth user add.`,
    );
  }
  return {
    name: user.username,
    columns: { kind: 'user', user_id: user.id, workload: null } as const,
  };
}

export interface RoleChange {
  readonly projectId: number;
  readonly memberId: number;
  readonly role: Role;
}

/** @throws {Refusal} `not-found` */
export const changeRole: Write<RoleChange, void> = {
  name: 'projects.change-role',
  durability: 'durable',
  run: async (transaction, { projectId, memberId, role }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('project_members')
      .set({ role })
      .where('id', '=', memberId)
      .where('project_id', '=', projectId)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw await missing(transaction, projectId, memberId);
    await bumpGrantGeneration(transaction);
  },
};

/** @throws {Refusal} `not-found` */
export const removeMember: Write<Omit<RoleChange, 'role'>, void> = {
  name: 'projects.remove-member',
  durability: 'durable',
  run: async (transaction, { projectId, memberId }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('project_members')
      .where('id', '=', memberId)
      .where('project_id', '=', projectId)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw await missing(transaction, projectId, memberId);
    await bumpGrantGeneration(transaction);
  },
};

async function missing(transaction: Transaction, projectId: number, memberId: number) {
  const project = await projectNameOf(transaction, projectId);
  return project === undefined
    ? unknownProject(String(projectId))
    : unknownMember(project, memberId);
}
