import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type DeletionHold, holdFileDeletions } from '#features/garbage-collection';
import { Refusal } from '#lib/errors.ts';
import type { ReportProgress } from '#lib/progress.ts';
import { type Config, type Flags, readConfig } from '#server/config/config.ts';
import { copyRows } from '#server/database/copying/copy-rows.ts';
import { durableTables } from '#server/database/copying/durable-tables.ts';
import type { Database } from '#server/database/database.ts';
import { newestSchema } from '#server/database/migrations/migrate.ts';
import {
  changeDatabaseFile,
  createDatabaseFile,
  readDatabaseFile,
} from '#server/database/sqlite/database-file.ts';
import { openPresentStorage } from '../present-storage.ts';
import { countStep } from '../progress.ts';
import type { Storage } from '../storage.ts';
import { version } from '../version.ts';
import { writingTo } from '../write-failures.ts';
import { type CopiedBlobs, copyBlobs } from './blobs.ts';
import { beginGeneration, finishGeneration, generationsIn, openBackupFolder } from './folder.ts';
import {
  backupFormat,
  databaseOf,
  type GenerationManifest,
  hashOf,
  type SecretKeyPlace,
  writeManifest,
} from './generation.ts';
import { prune } from './prune.ts';
import { blobTotals, lostDigests, markLost, removeMomentary } from './queries.ts';
import { keepSecretKey } from './secret-key.ts';

export interface BackupReport {
  readonly folder: string;
  /** Of this backup, below `folder`. */
  readonly generation: string;
  readonly manifests: number;
  readonly blobs: { readonly count: number; readonly bytes: number };
  /** Those that no earlier backup of the folder held. */
  readonly copied: { readonly count: number; readonly bytes: number };
  /** How many of those were there before, and damaged. */
  readonly replaced: number;
  readonly secretKey: SecretKeyPlace;
  /** Blobs that could not be copied, as sentences; the first thousand. */
  readonly problems: readonly string[];
  readonly removed: readonly string[];
  /** How many backups the folder holds now. */
  readonly generations: number;
}

export interface BackupOptions {
  readonly to: string;
  /** How many backups to keep, this one included; undefined: all. */
  readonly keep: number | undefined;
  readonly secretKey: boolean;
  /** Whether to compare what earlier backups copied with its digests, and copy it anew if it differs. */
  readonly rehash: boolean;
  readonly report: ReportProgress;
}

/** More than anybody reads. */
const problemsListed = 1000;

/**
 * Copies the registry that `flags` name as it is at one moment, while the server serves it or not.
 * @throws {InvalidSetting | Refusal} a sentence for the operator; earlier backups are as they were
 */
export async function backup(flags: Flags, options: BackupOptions): Promise<BackupReport> {
  const config = await readConfig(flags);
  const folder = resolve(options.to);
  const storage = await openPresentStorage(config);
  try {
    return await writingTo(
      folder,
      'Earlier backups are whole, and what was copied is not copied again.',
      async () => {
        const release = await openBackupFolder(folder);
        try {
          return await backupInto(folder, config, storage, options);
        } finally {
          release();
        }
      },
    );
  } finally {
    await storage.close();
  }
}

async function backupInto(
  folder: string,
  config: Config,
  { database, store }: Storage,
  { keep, secretKey, rehash, report }: BackupOptions,
): Promise<BackupReport> {
  const { name, path } = await beginGeneration(folder, Date.now());
  const databaseFile = databaseOf(path);
  const secretKeyPlace = await keepSecretKey(config, path, secretKey);

  // From the hold on no file is deleted, so every blob that the snapshot names has its file.
  const hold = await holdFileDeletions({ database, reason: 'a backup', now: Date.now });
  let rows: Readonly<Record<string, number>>;
  let blobs: CopiedBlobs;
  try {
    rows = await copyDatabase(database, databaseFile, report);
    blobs = await readDatabaseFile(databaseFile, async (read) => {
      const totals = await blobTotals(read);
      const counter = countStep(report, 'copying blobs', totals.count);
      return copyBlobs({
        read,
        store,
        folder,
        rehash,
        stopped: hold.lost,
        onProgress: counter.add,
      });
    });
    if (hold.lost.aborted) throw new Error('The hold was lost');
  } catch (error) {
    throw hold.lost.aborted ? holdLost(error) : error;
  } finally {
    await release(hold);
  }
  if (blobs.lost.length > 0) {
    const ids = blobs.lost.map(({ id }) => id);
    await changeDatabaseFile(databaseFile, (transaction) => markLost(transaction, ids, Date.now()));
  }
  const { totals, lost } = await readDatabaseFile(databaseFile, async (read) => ({
    totals: await blobTotals(read),
    lost: await lostDigests(read, problemsListed),
  }));
  const manifest: GenerationManifest = {
    format: backupFormat,
    berth: version,
    madeAt: new Date().toISOString(),
    schema: newestSchema,
    dialect: database.dialect,
    database: await fingerprintOf(databaseFile),
    rows,
    blobs: totals,
    secretKey: secretKeyPlace,
    lost,
  };
  await writeManifest(path, manifest);
  await finishGeneration(folder, name);
  return {
    folder,
    generation: name,
    manifests: rows.manifests ?? 0,
    blobs: totals,
    copied: { count: blobs.count, bytes: blobs.bytes },
    replaced: blobs.replaced,
    secretKey: secretKeyPlace,
    problems: blobs.lost.slice(0, problemsListed).map(({ problem }) => problem),
    removed: keep === undefined ? [] : await prune(folder, keep),
    generations: (await generationsIn(folder)).length,
  };
}

function copyDatabase(
  database: Database,
  path: string,
  report: ReportProgress,
): Promise<Readonly<Record<string, number>>> {
  const counter = countStep(report, 'copying rows', undefined);
  return createDatabaseFile(path, newestSchema, async (to) => {
    const tables = await durableTables(to);
    const rows = await database.snapshot((from) =>
      copyRows({ from, to, tables, onRows: (_, count) => counter.add(count, 0) }),
    );
    await removeMomentary(to);
    return rows;
  });
}

/** The lease of a hold that cannot be given back ends by itself. */
async function release(hold: DeletionHold): Promise<void> {
  await hold.release().catch(() => {});
}

function holdLost(cause: unknown): Refusal {
  return new Refusal(
    'unavailable',
    'The database did not answer for a minute, so that files may have been deleted while they were copied: run the backup again. What was copied is not copied again.',
    { cause },
  );
}

async function fingerprintOf(path: string): Promise<GenerationManifest['database']> {
  const { size } = await stat(path);
  return { size, sha256: await hashOf(path, 'sha256') };
}
