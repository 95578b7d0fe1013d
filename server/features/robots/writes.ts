import { sql } from 'kysely';
import { neverExpires } from '#contract/durations.ts';
import { Refusal } from '#lib/errors.ts';
import type { AnyWrite, Write } from '#server/database/database.ts';
import { bumpGrantGeneration } from '#server/database/generations.ts';
import { forUpdate } from '#server/database/locking.ts';
import { unknownRobot } from './errors.ts';

const day = 24 * 60 * 60 * 1000;

/** When a secret made at `now` ends; null: never. */
export function expiryOf(durationDays: number, now: number): number | null {
  return durationDays === neverExpires ? null : now + durationDays * day;
}

export interface NewRobot {
  /** As it is stored. */
  readonly name: string;
  readonly project: { readonly id: number; readonly name: string } | undefined;
  readonly description: string;
  readonly secretHmac: Uint8Array;
  readonly duration: number;
  readonly disabled: boolean;
  readonly permissions: string;
  readonly creator: string;
  readonly now: number;
}

/**
 * @returns the new robot's id
 * @throws {Refusal} `conflict`, `not-found`
 */
export const createRobot: Write<NewRobot, number> = {
  name: 'robots.create',
  durability: 'durable',
  run: async (transaction, { project, secretHmac, disabled, now, ...robot }) => {
    if (project !== undefined) {
      const row = await transaction
        .selectFrom('projects')
        .select('id')
        .where('id', '=', project.id)
        .executeTakeFirst();
      if (row === undefined) {
        throw new Refusal('not-found', `The project ${project.name} has just been deleted.`);
      }
    }
    const row = await transaction
      .insertInto('robots')
      .values({
        ...robot,
        level: project === undefined ? 'system' : 'project',
        project_id: project?.id ?? null,
        secret_hmac: secretHmac,
        expires_at: expiryOf(robot.duration, now),
        disabled: disabled ? 1 : 0,
        credential_generation: 1,
        created_at: now,
        updated_at: now,
      })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) {
      throw new Refusal(
        'conflict',
        `A robot named ${robot.name} exists already: choose another name, or delete that one first.`,
      );
    }
    return row.id;
  },
};

export interface RobotChange {
  readonly id: number;
  readonly description?: string;
  readonly duration?: number;
  readonly disabled?: boolean;
  readonly permissions?: string;
  readonly now: number;
}

/**
 * A new duration counts from now; so does the old one of a robot that has expired.
 * @throws {Refusal} `not-found`
 */
export const updateRobot: Write<RobotChange, void> = {
  name: 'robots.update',
  durability: 'durable',
  run: async (transaction, { id, description, duration, disabled, permissions, now }) => {
    const row = await forUpdate(
      transaction,
      transaction.selectFrom('robots').select(['duration', 'expires_at']).where('id', '=', id),
    ).executeTakeFirst();
    if (row === undefined) throw unknownRobot(id);
    const hasExpired = row.expires_at !== null && row.expires_at <= now;
    const begins = duration !== undefined && (duration !== row.duration || hasExpired);
    await transaction
      .updateTable('robots')
      .set({
        ...(description !== undefined && { description }),
        ...(begins && { duration, expires_at: expiryOf(duration, now) }),
        ...(disabled !== undefined && { disabled: disabled ? (1 as const) : (0 as const) }),
        ...(permissions !== undefined && { permissions }),
        updated_at: now,
      })
      .where('id', '=', id)
      .execute();
    await bumpGrantGeneration(transaction);
  },
};

export interface NewRobotSecret {
  readonly id: number;
  readonly secretHmac: Uint8Array;
  readonly now: number;
}

/**
 * Ends the earlier secret and all that was issued on it; the robot's duration begins anew.
 * @throws {Refusal} `not-found`
 */
export const setRobotSecret: Write<NewRobotSecret, void> = {
  name: 'robots.set-secret',
  durability: 'durable',
  run: async (transaction, { id, secretHmac, now }) => {
    const row = await forUpdate(
      transaction,
      transaction.selectFrom('robots').select('duration').where('id', '=', id),
    ).executeTakeFirst();
    if (row === undefined) throw unknownRobot(id);
    await transaction
      .updateTable('robots')
      .set({
        secret_hmac: secretHmac,
        credential_generation: sql<number>`credential_generation + 1`,
        expires_at: expiryOf(row.duration, now),
        updated_at: now,
      })
      .where('id', '=', id)
      .execute();
    await bumpGrantGeneration(transaction);
  },
};

/** @throws {Refusal} `not-found` */
export const deleteRobot: Write<{ readonly id: number }, void> = {
  name: 'robots.delete',
  durability: 'durable',
  run: async (transaction, { id }) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('robots')
      .where('id', '=', id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) throw unknownRobot(id);
    await bumpGrantGeneration(transaction);
  },
};

export const robotWrites: readonly AnyWrite[] = [
  createRobot,
  updateRobot,
  setRobotSecret,
  deleteRobot,
];
