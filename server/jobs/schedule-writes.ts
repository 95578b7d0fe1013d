import type { Write } from '#server/database/database.ts';
import { insertJob } from './job-writes.ts';

export interface SetSchedule {
  readonly name: string;
  readonly kind: string;
  readonly slot: string | null;
  /** JSON. */
  readonly input: string;
  readonly cron: string;
  readonly nextAt: number;
  readonly now: number;
}

export const setSchedule: Write<SetSchedule, void> = {
  name: 'jobs.setSchedule',
  durability: 'durable',
  async run(transaction, { name, kind, slot, input, cron, nextAt, now }) {
    const values = { kind, slot, input, cron, next_at: nextAt, updated_at: now };
    await transaction
      .insertInto('schedules')
      .values({ name, ...values, created_at: now })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
      .execute();
  },
};

/** False when there is none. */
export const removeSchedule: Write<{ readonly name: string }, boolean> = {
  name: 'jobs.removeSchedule',
  durability: 'durable',
  async run(transaction, { name }) {
    const { numDeletedRows } = await transaction
      .deleteFrom('schedules')
      .where('name', '=', name)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  },
};

export interface AdvanceSchedule {
  readonly name: string;
  /** What the process saw: another one that saw the same comes too late. */
  readonly cron: string;
  readonly seen: number | null;
  readonly nextAt: number;
  readonly now: number;
}

/**
 * Moves a schedule on, and submits its job where it was due. A schedule without a next time is new
 * and submits none; a slot that is taken lets one be left out.
 */
export const advanceSchedule: Write<AdvanceSchedule, void> = {
  name: 'jobs.advanceSchedule',
  durability: 'durable',
  async run(transaction, { name, cron, seen, nextAt, now }) {
    const schedule = await transaction
      .updateTable('schedules')
      .set({ next_at: nextAt })
      .where('name', '=', name)
      .where('cron', '=', cron)
      .where('next_at', seen === null ? 'is' : '=', seen)
      .returning(['kind', 'slot', 'input'])
      .executeTakeFirst();
    if (schedule === undefined || seen === null) return;
    await insertJob(transaction, { ...schedule, origin: 'schedule', now });
  },
};
