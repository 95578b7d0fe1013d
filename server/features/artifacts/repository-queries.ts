import type { Reader } from '#server/database/database.ts';

export interface RepositoryRow {
  readonly id: number;
  readonly projectId: number;
  /** The whole name. */
  readonly name: string;
}

export async function repositoryNamed(
  read: Reader,
  name: string,
): Promise<RepositoryRow | undefined> {
  return read
    .selectFrom('repositories')
    .select(['id', 'project_id as projectId', 'name'])
    .where('name', '=', name)
    .executeTakeFirst();
}
