import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Config } from '#server/config/config.ts';
import { secretKeyOf } from '#server/config/secret-key.ts';
import type { Database } from '#server/database/database.ts';
import { sharedSecret } from '#server/database/secrets.ts';
import { openSqliteDatabase } from '#server/database/sqlite/sqlite-database.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';

/** Everything that outlives the process. */
export interface Storage {
  readonly database: Database;
  readonly store: BlobStore;
  /** A secret that every replica shares, made by whoever asks for it first. */
  sharedSecret(name: string, create: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array>;
  close(): Promise<void>;
}

const writes = new URL('./writes.ts', import.meta.url);

export function sqliteFolder(dataFolder: string): string {
  return join(dataFolder, 'database');
}

export async function openStorage(
  config: Config,
  onFailure: (error: Error) => void,
): Promise<Storage> {
  refuseUnfinishedRestore(config.dataFolder);
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  // Not before it is needed: who only reads content must not make a key.
  let secretKey = config.secretKey;
  const store = await openFilesystemBlobStore({ folder: config.dataFolder });
  const database = await openDatabase(config, onFailure).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  return {
    database,
    store,
    sharedSecret(name, create) {
      secretKey ??= secretKeyOf(config.dataFolder);
      return sharedSecret(database, secretKey, name, create);
    },
    async close() {
      await store.close();
      await database.close();
    },
  };
}

async function openDatabase(
  { databaseUrl, dataFolder }: Config,
  onFailure: (error: Error) => void,
): Promise<Database> {
  if (databaseUrl === undefined) {
    return openSqliteDatabase({ folder: sqliteFolder(dataFolder), writes, onFailure });
  }
  const { openPostgresDatabase } = await import('#server/database/postgres/postgres-database.ts');
  return openPostgresDatabase({ url: databaseUrl, writes });
}
