import { join } from 'node:path';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { createFolderDurably } from '#server/blobs/filesystem/durable.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Config } from '#server/config/config.ts';
import { secretKeyOf } from '#server/config/secret-key.ts';
import type { Database } from '#server/database/database.ts';
import { replaceSharedSecret, sharedSecret } from '#server/database/secrets.ts';
import {
  joinSqliteDatabase,
  openSqliteDatabase,
  openSqliteWriter,
} from '#server/database/sqlite/sqlite-database.ts';
import type { Writer } from '#server/database/sqlite/writer.ts';
import { refuseUnfinishedRestore } from './unfinished-restore.ts';

/** Everything that outlives the process. */
export interface Storage {
  readonly database: Database;
  readonly store: BlobStore;
  /** A secret that every replica shares, made by whoever asks for it first. */
  sharedSecret(name: string, create: () => Uint8Array | Promise<Uint8Array>): Promise<Uint8Array>;
  /** Puts another in its place, if it is still `expected`. @returns whether it was */
  replaceSharedSecret(name: string, expected: Uint8Array, next: Uint8Array): Promise<boolean>;
  close(): Promise<void>;
}

const writes = new URL('./writes.ts', import.meta.url);

export function sqliteFolder(dataFolder: string): string {
  return join(dataFolder, 'database');
}

/** What writes the SQLite database of all processes; undefined where the server uses PostgreSQL. */
export async function openSharedWriter(
  { databaseUrl, dataFolder }: Config,
  onFailure: (error: Error) => void,
): Promise<Writer | undefined> {
  if (databaseUrl !== undefined) return undefined;
  await prepareDataFolder(dataFolder);
  return openSqliteWriter({ folder: sqliteFolder(dataFolder), writes, onFailure });
}

/** @param writer of the process that writes SQLite for this one; without it, this one does. */
export async function openStorage(
  config: Config,
  onFailure: (error: Error) => void,
  writer?: Writer,
): Promise<Storage> {
  await prepareDataFolder(config.dataFolder);
  // Not before it is needed: who only reads content must not make a key.
  let secretKey = config.secretKey;
  const store = await openFilesystemBlobStore({ folder: config.dataFolder });
  const database = await openDatabase(config, onFailure, writer).catch(async (error: unknown) => {
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
    replaceSharedSecret(name, expected, next) {
      secretKey ??= secretKeyOf(config.dataFolder);
      return replaceSharedSecret(database, secretKey, name, { expected, next });
    },
    async close() {
      await store.close();
      await database.close();
    },
  };
}

async function openDatabase(
  { databaseUrl, dataFolder, workers }: Config,
  onFailure: (error: Error) => void,
  writer: Writer | undefined,
): Promise<Database> {
  if (databaseUrl === undefined) {
    const folder = sqliteFolder(dataFolder);
    return writer === undefined
      ? openSqliteDatabase({ folder, writes, onFailure })
      : joinSqliteDatabase({ folder, writes, writer });
  }
  const { openPostgresDatabase } = await import('#server/database/postgres/postgres-database.ts');
  // PostgreSQL takes 100 connections by default, of all processes together.
  const connections = Math.min(16, Math.max(4, Math.floor(64 / workers)));
  return openPostgresDatabase({ url: databaseUrl, writes, connections });
}

async function prepareDataFolder(folder: string): Promise<void> {
  refuseUnfinishedRestore(folder);
  await createFolderDurably(folder);
}
