import { sql } from 'kysely';
import { Refusal } from '#lib/errors.ts';
import type { Reader } from '../database.ts';
import { firstTables } from './0001-first-tables.ts';
import { jobsAndCollection } from './0002-jobs-and-collection.ts';
import { lostBlobs } from './0003-lost-blobs.ts';
import { clusters } from './0004-clusters.ts';
import { type Migration, type Schema, statementsOf } from './migration.ts';

const migrations: readonly Migration[] = [firstTables, jobsAndCollection, lostBlobs, clusters];

/** The schema version that this program works with. */
export const newestSchema = migrations.length;

/**
 * Brings a schema up to what this program knows, or to an earlier `version`. Runs inside the
 * caller's transaction, so that a failure leaves the schema as it was.
 * @throws {Refusal} `unavailable` when a newer program has already changed the schema.
 */
export async function migrate(schema: Schema, version = newestSchema): Promise<void> {
  const { transaction } = schema;
  await sql`create table if not exists schema_migrations (version integer primary key)`.execute(
    transaction,
  );
  const current = await versionOf(transaction);
  if (current > newestSchema) {
    throw new Refusal(
      'unavailable',
      `The database has schema version ${current}, and this Berth knows versions up to ${newestSchema} only: ` +
        'start the newer Berth that changed it, or restore a backup made before that upgrade with `berth restore`.',
    );
  }
  for (const migration of migrations.slice(current, version)) {
    for (const statement of statementsOf(migration, schema)) {
      await sql.raw(statement).execute(transaction);
    }
    await sql`insert into schema_migrations (version) values (${migration.version})`.execute(
      transaction,
    );
  }
}

/** The schema's version; 0 before the first migration. Its table has to be there. */
export async function versionOf(read: Reader): Promise<number> {
  const { rows } = await sql<{
    version: number | null;
  }>`select max(version) as version from schema_migrations`.execute(read);
  return rows[0]?.version ?? 0;
}
