import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Refusal } from '#lib/errors.ts';
import type { Config } from '#server/config/config.ts';
import { newestSchema } from '#server/database/migrations/migrate.ts';
import { postgresSchemaVersion } from '#server/database/postgres/whole-database.ts';
import { sqliteSchemaVersion } from '#server/database/sqlite/whole-database.ts';
import { openStorage, type Storage, sqliteFolder } from './storage.ts';

/** The schema version of the configured database; undefined while there is none. Changes nothing. */
export function schemaVersionOf({ databaseUrl, dataFolder }: Config): Promise<number | undefined> {
  return databaseUrl === undefined
    ? sqliteSchemaVersion(sqliteFolder(dataFolder))
    : postgresSchemaVersion(databaseUrl);
}

/**
 * Opens what a server has left, or works with at this moment, beside that server. Makes and
 * migrates nothing: a copy made ahead of an upgrade must be what the earlier program can read.
 * @throws {Refusal} a sentence for the operator
 */
export async function openPresentStorage(config: Config): Promise<Storage> {
  const { dataFolder, databaseUrl } = config;
  const version = await schemaVersionOf(config);
  if (version === undefined && databaseUrl !== undefined) {
    throw new Refusal(
      'not-found',
      'The PostgreSQL database of --database-url or BERTH_DATABASE_URL holds nothing of Berth: name the one that the server uses.',
    );
  }
  if (version === undefined || !existsSync(join(dataFolder, 'blobs'))) {
    throw new Refusal(
      'not-found',
      `The folder ${dataFolder} holds no data of Berth: name the server's data folder with --data or BERTH_DATA.`,
    );
  }
  if (version !== newestSchema) {
    throw new Refusal(
      'unavailable',
      `The database has schema version ${version}, and this Berth works with version ${newestSchema}: ` +
        (version > newestSchema
          ? 'use the newer Berth that serves it.'
          : 'use the earlier Berth that serves it, or serve it once with this one, which brings it up to date.'),
    );
  }
  return openStorage(config, (error) => {
    throw error;
  });
}
