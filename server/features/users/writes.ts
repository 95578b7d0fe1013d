import { sql } from 'kysely';
import { isAccessTokenName, nameRules } from '#contract/names.ts';
import { Refusal } from '#lib/errors.ts';
import type { AnyWrite, Transaction, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forUpdate } from '#server/database/locking.ts';
import { checkUserName, lastAdmin, unknownAccessToken, unknownUser } from './errors.ts';

const maximumAccessTokens = 100;

export interface NewUser {
  readonly username: string;
  readonly passwordHash: string;
  readonly email: string | null;
  readonly realname: string;
  readonly comment: string;
  readonly now: number;
}

/**
 * @returns the new user's id
 * @throws {Refusal} `invalid`, `conflict`
 */
export const createUser: Write<NewUser, number> = {
  name: 'users.create',
  durability: 'durable',
  run: async (transaction, user) => {
    checkUserName(user.username);
    const row = await transaction
      .insertInto('users')
      .values(rowOf(user, 0))
      .onConflict((conflict) => conflict.column('username').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) {
      throw new Refusal(
        'conflict',
        `A user named ${user.username} exists already: choose another name.`,
      );
    }
    // A name and password that were wrong a moment ago are right now.
    await bumpGrantGeneration(transaction);
    return row.id;
  },
};

function rowOf({ username, passwordHash, email, realname, comment, now }: NewUser, admin: 0 | 1) {
  return {
    username,
    email,
    realname,
    comment,
    password_hash: passwordHash,
    credential_generation: 1,
    admin,
    created_at: now,
    updated_at: now,
  };
}

/**
 * Makes a system admin, unless there is one: then nothing changes.
 * @returns whether it did
 */
export const createFirstAdmin: Write<NewUser, boolean> = {
  name: 'users.create-first-admin',
  durability: 'durable',
  run: async (transaction, user) => {
    if ((await lockAdmins(transaction)).length > 0) return false;
    const row = await transaction
      .insertInto('users')
      .values(rowOf(user, 1))
      .onConflict((conflict) => conflict.column('username').doNothing())
      .returning('id')
      .executeTakeFirst();
    // Another replica was faster.
    if (row === undefined) return false;
    await bumpGrantGeneration(transaction);
    return true;
  },
};

/** Held until the transaction ends, so that two admins cannot demote each other at once. */
async function lockAdmins(transaction: Transaction) {
  return forUpdate(
    transaction,
    transaction.selectFrom('users').select(['id', 'username']).where('admin', '=', 1).orderBy('id'),
  ).execute();
}

/** @throws {Refusal} `precondition` when `id` is the last system admin */
async function keepAnAdmin(transaction: Transaction, id: number) {
  const [admin, another] = await lockAdmins(transaction);
  if (admin?.id === id && another === undefined) throw lastAdmin(admin.username);
}

export interface ProfileChange {
  readonly id: number;
  readonly email?: string | null;
  readonly realname?: string;
  readonly comment?: string;
  readonly now: number;
}

/** @throws {Refusal} `not-found` */
export const updateProfile: Write<ProfileChange, void> = {
  name: 'users.update-profile',
  durability: 'durable',
  run: async (transaction, { id, now, ...profile }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('users')
      .set({ ...profile, updated_at: now })
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw unknownUser(id);
  },
};

export interface AdminChange {
  readonly id: number;
  readonly admin: boolean;
  readonly now: number;
}

/** @throws {Refusal} `not-found`; `precondition` for the last system admin */
export const setSystemAdmin: Write<AdminChange, void> = {
  name: 'users.set-system-admin',
  durability: 'durable',
  run: async (transaction, { id, admin, now }) => {
    if (!admin) await keepAnAdmin(transaction, id);
    const { numUpdatedRows } = await transaction
      .updateTable('users')
      .set({ admin: admin ? 1 : 0, updated_at: now })
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw unknownUser(id);
    await bumpGrantGeneration(transaction);
  },
};

export interface NewPassword {
  readonly id: number;
  readonly passwordHash: string;
  readonly now: number;
}

/**
 * Ends everything that was issued on the earlier password.
 * @throws {Refusal} `not-found`
 */
export const setPassword: Write<NewPassword, void> = {
  name: 'users.set-password',
  durability: 'durable',
  run: async (transaction, { id, passwordHash, now }) => {
    const { numUpdatedRows } = await transaction
      .updateTable('users')
      .set({
        password_hash: passwordHash,
        credential_generation: sql<number>`credential_generation + 1`,
        updated_at: now,
      })
      .where('id', '=', id)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw unknownUser(id);
    await bumpGrantGeneration(transaction);
  },
};

/** @throws {Refusal} `not-found`; `precondition` for the last system admin */
export const deleteUser: Write<{ readonly id: number }, void> = {
  name: 'users.delete',
  durability: 'durable',
  run: async (transaction, { id }) => {
    await keepAnAdmin(transaction, id);
    const { numDeletedRows } = await transaction
      .deleteFrom('users')
      .where('id', '=', id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw unknownUser(id);
    await bumpGrantGeneration(transaction);
  },
};

export interface NewAccessToken {
  readonly userId: number;
  readonly name: string;
  readonly secretHmac: Uint8Array;
  readonly expiresAt: number | null;
  readonly now: number;
}

/**
 * @returns the new token's id
 * @throws {Refusal} `invalid`, `conflict`, `precondition`
 */
export const createAccessToken: Write<NewAccessToken, number> = {
  name: 'users.create-access-token',
  durability: 'durable',
  run: async (transaction, { userId, name, secretHmac, expiresAt, now }) => {
    if (!isAccessTokenName(name)) {
      throw new Refusal('invalid', `The name of an access token must ${nameRules.accessToken}.`);
    }
    const { count } = await transaction
      .selectFrom('access_tokens')
      .select((part) => part.fn.countAll<number>().as('count'))
      .where('user_id', '=', userId)
      .executeTakeFirstOrThrow();
    if (Number(count) >= maximumAccessTokens) {
      throw new Refusal(
        'precondition',
        `You have ${maximumAccessTokens} access tokens, which is the most: delete one first.`,
      );
    }
    const row = await transaction
      .insertInto('access_tokens')
      .values({
        user_id: userId,
        name,
        secret_hmac: secretHmac,
        created_at: now,
        expires_at: expiresAt,
        last_used_at: null,
      })
      .onConflict((conflict) => conflict.columns(['user_id', 'name']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) {
      throw new Refusal(
        'conflict',
        `You have an access token named ${name} already: choose another name, or delete that one first.`,
      );
    }
    return row.id;
  },
};

/** @throws {Refusal} `not-found` */
export const deleteAccessToken: Write<{ readonly id: number; readonly userId: number }, void> = {
  name: 'users.delete-access-token',
  durability: 'durable',
  run: async (transaction, { id, userId }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('access_tokens')
      .where('id', '=', id)
      .where('user_id', '=', userId)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw unknownAccessToken(id);
    await bumpGrantGeneration(transaction);
  },
};

export const touchAccessToken: Write<{ readonly id: number; readonly now: number }, void> = {
  name: 'users.touch-access-token',
  durability: 'durable',
  run: async (transaction, { id, now }) => {
    await transaction
      .updateTable('access_tokens')
      .set({ last_used_at: now })
      .where('id', '=', id)
      .execute();
  },
};

export const userWrites: readonly AnyWrite[] = [
  createUser,
  createFirstAdmin,
  updateProfile,
  setSystemAdmin,
  setPassword,
  deleteUser,
  createAccessToken,
  deleteAccessToken,
  touchAccessToken,
];
