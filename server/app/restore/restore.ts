import { mkdir, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Refusal, systemErrorCode } from '#lib/errors.ts';
import type { ReportProgress } from '#lib/progress.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import { type Config, type Flags, readConfig } from '#server/config/config.ts';
import { copyRows } from '#server/database/copying/copy-rows.ts';
import { durableTables } from '#server/database/copying/durable-tables.ts';
import type { Transaction } from '#server/database/database.ts';
import { fillPostgresDatabase } from '#server/database/postgres/whole-database.ts';
import { readDatabaseFile } from '#server/database/sqlite/database-file.ts';
import { fillSqliteDatabase } from '#server/database/sqlite/whole-database.ts';
import { chooseGeneration } from '../backup/folder.ts';
import { checkDatabase, databaseOf, readManifest } from '../backup/generation.ts';
import { blobTotals, markLost, sealedSecrets } from '../backup/queries.ts';
import { writeFileDurably } from '../durable-file.ts';
import { schemaVersionOf } from '../present-storage.ts';
import { countStep } from '../progress.ts';
import { sqliteFolder } from '../storage.ts';
import { beginRestore, endRestore, isRestoreUnfinished } from '../unfinished-restore.ts';
import { writingTo } from '../write-failures.ts';
import { type RestoredBlobs, restoreBlobs } from './blobs.ts';
import { secretKeyFor } from './secret-key.ts';

export interface RestoreReport {
  readonly generation: string;
  readonly madeAt: string;
  readonly dataFolder: string;
  readonly dialect: 'sqlite' | 'postgres';
  readonly manifests: number;
  readonly blobs: { readonly count: number; readonly bytes: number };
  /** Blobs that the backup does not hold whole, as sentences; the first thousand. */
  readonly problems: readonly string[];
}

export interface RestoreOptions {
  readonly from: string;
  /** The newest one by default. */
  readonly generation: string | undefined;
  readonly report: ReportProgress;
}

/** What an operator may put into a data folder ahead of its first start. */
const ownFiles: ReadonlySet<string> = new Set(['berth.yaml', 'secret.key', 'lost+found']);
const problemsListed = 1000;

/**
 * Brings a backup into the data folder and the database that `flags` name, which hold nothing yet.
 * @throws {InvalidSetting | Refusal} a sentence for the operator
 */
export async function restore(flags: Flags, options: RestoreOptions): Promise<RestoreReport> {
  const config = await readConfig(flags);
  const from = resolve(options.from);
  const chosen = await chooseGeneration(from, options.generation);
  const manifest = await readManifest(chosen.path);
  const goesOn = isRestoreUnfinished(config.dataFolder);
  await requireEmpty(config, goesOn);
  await checkDatabase(chosen.path, manifest);

  return readDatabaseFile(databaseOf(chosen.path), async (read) => {
    const secretKey = secretKeyFor(config, chosen.path, await sealedSecrets(read));
    const tables = await durableTables(read);
    const { dataFolder } = config;
    return writingTo(dataFolder, 'What was restored so far is not copied again.', async () => {
      await mkdir(dataFolder, { recursive: true, mode: 0o700 });
      await beginRestore(dataFolder, chosen.path);
      const blobs = await bringBlobs(dataFolder, from, read, options.report);
      if (secretKey !== undefined)
        await writeFileDurably(join(dataFolder, 'secret.key'), secretKey);
      const rows = countStep(
        options.report,
        'restoring rows',
        Object.values(manifest.rows).reduce((sum, count) => sum + count, 0),
      );
      // The database comes last: where it is, everything is.
      const restored = await fill(config, manifest.schema, async (to) => {
        const copied = await copyRows({
          from: read,
          to,
          tables,
          onRows: (_, count) => rows.add(count, 0),
        });
        const ids = blobs.lost.map(({ id }) => id);
        await markLost(to, ids, Date.now());
        return copied;
      });
      await endRestore(dataFolder);
      return {
        generation: chosen.name,
        madeAt: manifest.madeAt,
        dataFolder,
        dialect: config.databaseUrl === undefined ? 'sqlite' : 'postgres',
        manifests: restored.manifests ?? 0,
        blobs: { count: blobs.count, bytes: blobs.bytes },
        problems: blobs.lost.slice(0, problemsListed).map(({ problem }) => problem),
      };
    });
  });
}

async function bringBlobs(
  dataFolder: string,
  from: string,
  read: Parameters<typeof restoreBlobs>[0]['read'],
  report: ReportProgress,
): Promise<RestoredBlobs> {
  const store = await openFilesystemBlobStore({ folder: dataFolder });
  try {
    const { count } = await blobTotals(read);
    const counter = countStep(report, 'restoring blobs', count);
    return await restoreBlobs({
      read,
      store,
      folder: from,
      onProgress: counter.add,
    });
  } finally {
    await store.close();
  }
}

function fill<Result>(
  { databaseUrl, dataFolder }: Config,
  schema: number,
  run: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return databaseUrl === undefined
    ? fillSqliteDatabase(sqliteFolder(dataFolder), schema, run)
    : fillPostgresDatabase(databaseUrl, schema, run);
}

/** @param goesOn whether an earlier restore into the folder was broken off */
async function requireEmpty(config: Config, goesOn: boolean): Promise<void> {
  const { dataFolder, databaseUrl } = config;
  if (!goesOn) {
    const other = (await namesIn(dataFolder)).find((name) => !ownFiles.has(name));
    if (other !== undefined) {
      throw new Refusal(
        'conflict',
        `The data folder ${dataFolder} is not empty (it holds ${other}): name an empty or new folder with --data, or move this one away.`,
      );
    }
  }
  const version = await schemaVersionOf(config);
  if (version === undefined) return;
  if (databaseUrl === undefined || goesOn) {
    throw new Refusal(
      'conflict',
      `The database is there already, so the restore into ${dataFolder} came to its end but for its last step: remove the file restore.unfinished from that folder, and serve it.`,
    );
  }
  throw new Refusal(
    'conflict',
    'The PostgreSQL database of --database-url or BERTH_DATABASE_URL holds tables of Berth already: make an empty one with createdb --encoding=UTF8 --template=template0 NAME, and name that.',
  );
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
