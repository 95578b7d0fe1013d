import type { ReportProgress } from '#lib/progress.ts';
import type { Flags } from '#server/config/config.ts';
import { readConfig } from '#server/config/config.ts';
import { openPresentStorage } from '../present-storage.ts';
import { countStep } from '../progress.ts';
import { checkBlobs } from './blobs.ts';
import { checkFiles, type Orphans } from './files.ts';
import { type Finding, Findings } from './findings.ts';
import { checkManifests, checkTags } from './manifests.ts';
import { contentCounts } from './queries.ts';

export interface VerifyReport {
  readonly blobs: number;
  /** Of blobs. */
  readonly bytes: number;
  readonly manifests: number;
  /** Files that nothing needs. They cost space, and the next collections remove them. */
  readonly orphans: Orphans;
  /** The first 10,000 of `found`. */
  readonly findings: readonly Finding[];
  readonly found: number;
  /** Findings that somebody has to do something about. */
  readonly open: number;
}

export interface VerifyOptions {
  /** Whether to put right what can be. Without it nothing is changed. */
  readonly repair: boolean;
  readonly report: ReportProgress;
}

/**
 * Rehashes every blob and checks every edge of the data folder and database that `flags` name,
 * while the server serves them or not.
 * @throws {InvalidSetting | Refusal} a sentence for the operator, when they cannot be read
 */
export async function verify(
  flags: Flags,
  { repair, report }: VerifyOptions,
): Promise<VerifyReport> {
  const storage = await openPresentStorage(await readConfig(flags));
  const { database, store } = storage;
  const findings = new Findings();
  const now = Date.now;
  try {
    const totals = await contentCounts(database.read);
    const manifests = countStep(report, 'checking manifests', totals.manifests);
    await checkManifests({ database, repair, findings, onManifests: manifests.add, now });
    await checkTags(database, findings);
    const blobs = countStep(report, 'rehashing blobs', totals.blobs);
    await checkBlobs({
      database,
      store,
      repair,
      findings,
      onBlob: (bytes) => blobs.add(1, bytes),
      now,
    });
    const files = countStep(report, 'looking for orphans', undefined);
    const orphans = await checkFiles({
      database,
      store,
      findings,
      onFiles: (more) => files.add(more, 0),
      now,
    });
    return {
      blobs: blobs.done,
      bytes: blobs.bytes,
      manifests: manifests.done,
      orphans,
      findings: findings.list,
      found: findings.count,
      open: findings.open,
    };
  } finally {
    await storage.close();
  }
}
