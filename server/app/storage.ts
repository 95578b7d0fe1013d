import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Config } from '#server/config/config.ts';
import { secretKeyOf } from '#server/config/secret-key.ts';
import type { Database } from '#server/database/database.ts';
import { openPostgresDatabase } from '#server/database/postgres/postgres-database.ts';
import { sharedSecret } from '#server/database/secrets.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';

/** Everything that outlives the process. */
export interface Storage {
  readonly database: Database;
  readonly store: BlobStore;
  /** A secret that every replica shares, made by whoever asks for it first. */
  sharedSecret(name: string, create: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array>;
}

const writes = new URL('./writes.ts', import.meta.url);

export async function openStorage(
  config: Config,
  onFailure: (error: Error) => void,
): Promise<Storage> {
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  const database =
    config.databaseUrl === undefined
      ? await openSqliteDatabase({ folder: join(config.dataFolder, 'database'), writes, onFailure })
      : await openPostgresDatabase({ url: config.databaseUrl, writes });
  const secretKey = config.secretKey ?? secretKeyOf(config.dataFolder);
  return {
    database,
    store: await openFilesystemBlobStore({ folder: config.dataFolder }),
    sharedSecret: (name, create) => sharedSecret(database, secretKey, name, create),
  };
}
