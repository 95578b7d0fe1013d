import type { Transaction, Write } from '#server/database/database.ts';
import { forUpdate, forUpdateSkipLocked } from '#server/database/locking.ts';

/** Finished jobs of a kind that are kept for people to see. */
export const keptHistory = 100;

export interface SubmitJob {
  readonly kind: string;
  /** One job of a slot is open at a time; null: as many as are submitted. */
  readonly slot: string | null;
  /** JSON. */
  readonly input: string;
  readonly origin: 'manual' | 'schedule';
  readonly now: number;
}

/** `created` is false when the slot is taken: the id is then that of its open job. */
export interface SubmittedJob {
  readonly id: number;
  readonly created: boolean;
}

export const submitJob: Write<SubmitJob, SubmittedJob> = {
  name: 'jobs.submit',
  durability: 'durable',
  run: (transaction, input) => insertJob(transaction, input),
};

export async function insertJob(
  transaction: Transaction,
  { kind, slot, input, origin, now }: SubmitJob,
): Promise<SubmittedJob> {
  // Again when the job of the slot ended between the two statements.
  for (;;) {
    const inserted = await transaction
      .insertInto('jobs')
      .values({
        kind,
        slot,
        input,
        origin,
        state: 'waiting',
        due_at: now,
        lease: null,
        lease_until: 0,
        attempts: 0,
        cancel_requested: 0,
        progress: '{}',
        result: null,
        problem: null,
        created_at: now,
        started_at: null,
        updated_at: now,
        finished_at: null,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (inserted !== undefined) return { id: inserted.id, created: true };
    const open = await transaction
      .selectFrom('jobs')
      .select('id')
      .where('slot', '=', slot)
      .where('finished_at', 'is', null)
      .executeTakeFirst();
    if (open !== undefined) return { id: open.id, created: false };
  }
}

export interface ClaimJob {
  readonly kinds: readonly string[];
  readonly lease: string;
  readonly leaseUntil: number;
  readonly maximumAttempts: number;
  readonly now: number;
}

export interface ClaimedJob {
  readonly id: number;
  readonly kind: string;
  readonly input: string;
  /** This one included. */
  readonly attempts: number;
}

/**
 * Takes the job that is due longest for one process: one that waits, or one whose process has gone
 * silent. An attempt counts from here, so that a job which ends its process is not begun for ever.
 */
export const claimJob: Write<ClaimJob, ClaimedJob | undefined> = {
  name: 'jobs.claim',
  durability: 'durable',
  async run(transaction, { kinds, lease, leaseUntil, maximumAttempts, now }) {
    for (;;) {
      const row = await forUpdateSkipLocked(
        transaction,
        transaction
          .selectFrom('jobs')
          .select(['id', 'kind', 'input', 'attempts', 'cancel_requested'])
          .where('finished_at', 'is', null)
          .where('kind', 'in', kinds)
          .where('due_at', '<=', now)
          .where('lease_until', '<=', now)
          .orderBy('due_at')
          .orderBy('id')
          .limit(1),
      ).executeTakeFirst();
      if (row === undefined) return undefined;
      const { id, kind, input } = row;
      const change = transaction.updateTable('jobs').where('id', '=', id);
      if (row.cancel_requested === 1) {
        await change
          .set({ state: 'cancelled', lease: null, finished_at: now, updated_at: now })
          .execute();
      } else if (row.attempts >= maximumAttempts) {
        const problem = `Each of its ${row.attempts} attempts ended with its process.`;
        await change
          .set({ state: 'failed', problem, lease: null, finished_at: now, updated_at: now })
          .execute();
      } else {
        const attempts = row.attempts + 1;
        await change
          .set((column) => ({
            state: 'running' as const,
            lease,
            lease_until: leaseUntil,
            attempts,
            started_at: column.fn.coalesce('started_at', column.val(now)),
            updated_at: now,
          }))
          .execute();
        return { id, kind, input, attempts };
      }
      await trimHistory(transaction, kind);
    }
  },
};

export interface RenewJob {
  readonly id: number;
  readonly lease: string;
  readonly leaseUntil: number;
  /** JSON. */
  readonly progress: string;
  readonly now: number;
}

/** Keeps a job, and tells of its progress. `lost`: it runs elsewhere by now, or has ended. */
export const renewJob: Write<RenewJob, 'held' | 'cancel' | 'lost'> = {
  name: 'jobs.renew',
  durability: 'durable',
  async run(transaction, { id, lease, leaseUntil, progress, now }) {
    const row = await transaction
      .updateTable('jobs')
      .set({ lease_until: leaseUntil, progress, updated_at: now })
      .where('id', '=', id)
      .where('lease', '=', lease)
      .returning('cancel_requested')
      .executeTakeFirst();
    if (row === undefined) return 'lost';
    return row.cancel_requested === 1 ? 'cancel' : 'held';
  },
};

export type JobOutcome =
  /** `result` is JSON. */
  | { readonly state: 'succeeded'; readonly result: string }
  | { readonly state: 'failed'; readonly problem: string }
  | { readonly state: 'cancelled' }
  /** To be begun again at `dueAt`. */
  | { readonly state: 'waiting'; readonly problem: string; readonly dueAt: number }
  /** Given back by a process that stops: as if it had not begun. */
  | { readonly state: 'returned' };

export interface FinishJob {
  readonly id: number;
  readonly lease: string;
  readonly outcome: JobOutcome;
  readonly progress: string;
  readonly now: number;
}

/** False when the lease was lost: whoever holds the job now says how it ends. */
export const finishJob: Write<FinishJob, boolean> = {
  name: 'jobs.finish',
  durability: 'durable',
  async run(transaction, { id, lease, outcome, progress, now }) {
    const row = await transaction
      .updateTable('jobs')
      .set((column) => ({
        lease: null,
        lease_until: 0,
        progress,
        updated_at: now,
        ...(outcome.state === 'waiting'
          ? { state: 'waiting' as const, due_at: outcome.dueAt, problem: outcome.problem }
          : outcome.state === 'returned'
            ? { state: 'waiting' as const, attempts: column('attempts', '-', 1) }
            : {
                state: outcome.state,
                result: outcome.state === 'succeeded' ? outcome.result : null,
                problem: outcome.state === 'failed' ? outcome.problem : null,
                finished_at: now,
              }),
      }))
      .where('id', '=', id)
      .where('lease', '=', lease)
      .returning('kind')
      .executeTakeFirst();
    if (row === undefined) return false;
    await trimHistory(transaction, row.kind);
    return true;
  },
};

export interface CancelJob {
  readonly id: number;
  readonly now: number;
}

/** `asked`: the process that runs it hears of it soon. */
export const cancelJob: Write<CancelJob, 'cancelled' | 'asked' | 'finished' | 'unknown'> = {
  name: 'jobs.cancel',
  durability: 'durable',
  async run(transaction, { id, now }) {
    const row = await forUpdate(
      transaction,
      transaction.selectFrom('jobs').select('state').where('id', '=', id),
    ).executeTakeFirst();
    if (row === undefined) return 'unknown';
    const change = transaction.updateTable('jobs').where('id', '=', id);
    if (row.state === 'waiting') {
      await change.set({ state: 'cancelled', finished_at: now, updated_at: now }).execute();
      return 'cancelled';
    }
    if (row.state !== 'running') return 'finished';
    await change.set({ cancel_requested: 1, updated_at: now }).execute();
    return 'asked';
  },
};

async function trimHistory(transaction: Transaction, kind: string): Promise<void> {
  const oldest = await transaction
    .selectFrom('jobs')
    .select('id')
    .where('kind', '=', kind)
    .where('finished_at', 'is not', null)
    .orderBy('id', 'desc')
    .offset(keptHistory)
    .limit(1)
    .executeTakeFirst();
  if (oldest === undefined) return;
  await transaction
    .deleteFrom('jobs')
    .where('kind', '=', kind)
    .where('finished_at', 'is not', null)
    .where('id', '<=', oldest.id)
    .execute();
}
