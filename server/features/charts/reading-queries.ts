import type { Reader } from '#server/database/database.ts';

export interface LayerRow {
  readonly digest: string;
  readonly mediaType: string;
  readonly size: number;
}

export interface PushedManifest {
  readonly repositoryId: number;
  readonly configMediaType: string | undefined;
  /** In the manifest's order. */
  readonly layers: readonly LayerRow[];
}

/** Undefined when the manifest has gone. */
export async function pushedManifest(
  read: Reader,
  manifestId: number,
): Promise<PushedManifest | undefined> {
  const manifest = await read
    .selectFrom('manifests')
    .select('repository_id')
    .where('id', '=', manifestId)
    .executeTakeFirst();
  if (manifest === undefined) return undefined;
  const rows = await read
    .selectFrom('manifest_refs')
    .select(['kind', 'digest', 'media_type as mediaType', 'size'])
    .where('manifest_id', '=', manifestId)
    .where('kind', 'in', ['config', 'layer'])
    .orderBy('position')
    .execute();
  return {
    repositoryId: manifest.repository_id,
    configMediaType: rows.find(({ kind }) => kind === 'config')?.mediaType,
    layers: rows.filter(({ kind }) => kind === 'layer'),
  };
}

/** True when a chart has been read to the end: reading it again would tell nothing new. */
export async function isRead(read: Reader, manifestId: number): Promise<boolean> {
  const row = await read
    .selectFrom('charts')
    .select('problem')
    .where('manifest_id', '=', manifestId)
    .executeTakeFirst();
  return row !== undefined && row.problem === null;
}
