import type { AnyWrite, Write } from '#server/database/database.ts';
import { forShare } from '#server/database/locking.ts';
import { emit } from '#server/events/events.ts';

export interface CreateTag {
  readonly repository: string;
  readonly repositoryId: number;
  readonly digest: string;
  readonly tag: string;
  readonly by: string;
  readonly now: number;
}

/** Names an artifact that is there. A tag that exists stays where it points: `exists`. */
export const createTag: Write<CreateTag, 'created' | 'exists' | 'unknown'> = {
  name: 'artifacts.createTag',
  durability: 'durable',
  async run(transaction, { repository, repositoryId, digest, tag, by, now }) {
    // Locked, so that it is not deleted or collected before its tag can be seen.
    const manifest = await forShare(
      transaction,
      transaction
        .selectFrom('manifests')
        .select('id')
        .where('repository_id', '=', repositoryId)
        .where('digest', '=', digest),
    ).executeTakeFirst();
    if (manifest === undefined) return 'unknown';
    const created = await transaction
      .insertInto('tags')
      .values({
        repository_id: repositoryId,
        name: tag,
        manifest_id: manifest.id,
        created_at: now,
        updated_at: now,
      })
      .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doNothing())
      .returning('id')
      .executeTakeFirst();
    if (created === undefined) return 'exists';
    // It stands on its own from now on, also when the tag goes again.
    await transaction
      .deleteFrom('manifest_orphans')
      .where('manifest_id', '=', manifest.id)
      .execute();
    await emit(
      transaction,
      { type: 'manifest.pushed', repository, manifestId: manifest.id, digest, tags: [tag], by },
      now,
    );
    return 'created';
  },
};

export const artifactWrites: readonly AnyWrite[] = [createTag];
