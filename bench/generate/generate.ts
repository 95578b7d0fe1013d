import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportProgress } from '#lib/progress.ts';
import { schemaVersionOf } from '#server/app/present-storage.ts';
import { sqliteFolder } from '#server/app/storage.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import { readConfig } from '#server/config/config.ts';
import type { Transaction } from '#server/database/database.ts';
import { newestSchema } from '#server/database/migrations/migrate.ts';
import { fillPostgresDatabase } from '#server/database/postgres/whole-database.ts';
import { fillSqliteDatabase } from '#server/database/sqlite/whole-database.ts';
import { blobFilesIn } from './blob-files.ts';
import type { Plan } from './plan.ts';
import { fillProject } from './rows.ts';

export interface Target {
  readonly dataFolder: string;
  /** Of an empty PostgreSQL database; SQLite in the data folder without it. */
  readonly databaseUrl?: string | undefined;
}

/**
 * Makes what a server would hold after many pushes, in bulk: rows in one transaction, files without
 * a sync. The server that is started on it makes the rest, as at any first start.
 * @throws {Error} a sentence, where the target holds something already
 */
export async function generateRegistry(
  { dataFolder, databaseUrl }: Target,
  plans: readonly Plan[],
  report: ReportProgress = () => {},
): Promise<void> {
  const config = await readConfig(
    { data: dataFolder, ...(databaseUrl !== undefined && { databaseUrl }) },
    {},
  );
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 });
  if ((await schemaVersionOf(config)) !== undefined) {
    throw new Error(
      `${databaseUrl === undefined ? join(dataFolder, 'database') : 'The PostgreSQL database'} holds a registry already: name an empty one.`,
    );
  }
  // Makes the folders that blobs lie in.
  await (await openFilesystemBlobStore({ folder: config.dataFolder })).close();
  const files = blobFilesIn(config.dataFolder);
  const total = plans.reduce((sum, { manifests }) => sum + manifests, 0);
  let done = 0;
  const fill = async (transaction: Transaction) => {
    for (const plan of plans) {
      await fillProject(transaction, files, plan, (count) => {
        done += count;
        report({ step: 'making manifests', done, total, bytes: 0 });
      });
    }
  };
  if (config.databaseUrl !== undefined) {
    await fillPostgresDatabase(config.databaseUrl, newestSchema, fill);
  } else {
    await fillSqliteDatabase(sqliteFolder(config.dataFolder), newestSchema, fill);
  }
}
