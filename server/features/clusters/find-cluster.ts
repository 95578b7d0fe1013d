import type { Reader } from '#server/database/database.ts';
import { unknownCluster } from './errors.ts';
import { type ClusterRow, findCluster } from './queries.ts';

/** @throws {Refusal} `not-found` */
export async function requireCluster(read: Reader, name: string): Promise<ClusterRow> {
  const row = await findCluster(read, name);
  if (row === undefined) throw unknownCluster(name);
  return row;
}
