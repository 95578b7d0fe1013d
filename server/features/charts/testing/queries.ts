import type { Reader } from '#server/database/database.ts';

export function allCharts(read: Reader) {
  return read.selectFrom('charts').selectAll().orderBy('manifest_id').execute();
}

export function waitingEvents(read: Reader) {
  return read.selectFrom('events').selectAll().execute();
}

export async function isPublic(read: Reader, project: string): Promise<boolean | undefined> {
  const row = await read
    .selectFrom('projects')
    .select('public')
    .where('name', '=', project)
    .executeTakeFirst();
  return row === undefined ? undefined : row.public === 1;
}

export async function manifestOf(read: Reader, repository: string, tag: string) {
  const row = await read
    .selectFrom('tags')
    .innerJoin('repositories', 'repositories.id', 'tags.repository_id')
    .innerJoin('manifests', 'manifests.id', 'tags.manifest_id')
    .select(['manifests.id', 'manifests.bytes', 'manifests.digest', 'manifests.media_type'])
    .where('repositories.name', '=', repository)
    .where('tags.name', '=', tag)
    .executeTakeFirst();
  return row;
}
