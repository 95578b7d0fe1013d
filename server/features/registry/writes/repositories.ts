import { ensureProject, projectIdOf } from '#features/projects/writes';
import { Refusal } from '#lib/errors.ts';
import type { Transaction } from '#server/database/database.ts';
import { forShare } from '#server/database/locking.ts';
import { projectOf } from '#server/permissions/decide.ts';

/** Who pushes, as far as a repository that does not exist yet needs to know. */
export interface Pusher {
  /** System admins' pushes create a project that is missing. */
  readonly createsProjects: boolean;
  readonly userId: number | null;
}

/**
 * The id of a repository, created when it is missing.
 * @throws {Refusal} `not-found` when its project is missing and the pusher may not create it
 */
export async function ensureRepository(
  transaction: Transaction,
  name: string,
  pusher: Pusher,
  now: number,
): Promise<number> {
  for (;;) {
    const existing = await lockRepository(transaction, name);
    if (existing !== undefined) return existing;
    await createRepository(transaction, name, pusher, now);
  }
}

/** Locked, so that the repository is not deleted while something is put into it. */
async function lockRepository(transaction: Transaction, name: string): Promise<number | undefined> {
  const row = await forShare(
    transaction,
    transaction.selectFrom('repositories').select('id').where('name', '=', name),
  ).executeTakeFirst();
  return row?.id;
}

async function createRepository(
  transaction: Transaction,
  name: string,
  pusher: Pusher,
  now: number,
): Promise<void> {
  const project = projectOf(name);
  const projectId = pusher.createsProjects
    ? await ensureProject(transaction, { name: project, ownerId: pusher.userId, now })
    : await projectIdOf(transaction, project);
  if (projectId === undefined) {
    throw new Refusal(
      'not-found',
      `The project ${project} does not exist: create it with berth project create ${project}, then push again.`,
    );
  }
  await transaction
    .insertInto('repositories')
    .values({ project_id: projectId, name, description: '', created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
}

export async function repositoryIdOf(
  transaction: Transaction,
  name: string,
): Promise<number | undefined> {
  const row = await transaction
    .selectFrom('repositories')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.id;
}
