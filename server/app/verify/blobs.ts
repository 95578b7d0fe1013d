import { markBlobFound, markBlobLost } from '#features/registry/writes';
import { forEachAtOnce } from '#lib/at-once.ts';
import { algorithmOf, isDigest } from '#oci/digest.ts';
import { BlobLost, type BlobStore } from '#server/blobs/blob-store.ts';
import type { Database } from '#server/database/database.ts';
import type { FindingKind, Findings } from './findings.ts';
import { type BlobToCheck, blobById, blobsBehind, imagesThatNeed } from './queries.ts';

const pageRows = 500;
/** Enough to keep the disk and the thread that hashes both at work. */
const blobsAtOnce = 4;
const imagesNamed = 3;

interface Fault {
  readonly kind: FindingKind;
  readonly problem: string;
}

/** Rehashes every blob, those that are pushed meanwhile included. */
export async function checkBlobs(options: {
  database: Database;
  store: BlobStore;
  repair: boolean;
  findings: Findings;
  onBlob: (bytes: number) => void;
  now: () => number;
}): Promise<void> {
  const { database, store, repair, findings, onBlob, now } = options;

  async function check(blob: BlobToCheck): Promise<void> {
    const { fault, bytes } = await examine(store, blob);
    if (fault !== undefined || blob.lostAt !== null) {
      // A collection, or a push that heals, may have changed it since its row was read.
      const current = await blobById(database.read, blob.id);
      const same = current?.storageKey === blob.storageKey && current.lostAt === blob.lostAt;
      if (same) await report(blob, fault);
    }
    onBlob(bytes);
  }

  async function report(blob: BlobToCheck, fault: Fault | undefined): Promise<void> {
    const { id, storageKey, digest } = blob;
    if (fault === undefined) {
      if (repair) await database.write(markBlobFound, { id, storageKey });
      findings.add({
        kind: 'blob-found-again',
        subject: digest,
        problem: `The blob ${digest} is marked as lost, but its bytes are there and right.`,
        cure: repair ? undefined : 'Run berth verify --repair, which takes the mark back.',
        repair: repair ? 'The mark was taken back.' : undefined,
      });
      return;
    }
    const images = await imagesThatNeed(database.read, digest, imagesNamed);
    const marks = repair && blob.lostAt === null;
    if (marks) await database.write(markBlobLost, { id, storageKey, now: now() });
    findings.add({
      kind: blob.lostAt === null ? fault.kind : 'blob-lost',
      subject: digest,
      problem: `${fault.problem} ${neededBy(images)}`,
      cure: cureOf(images, repair || blob.lostAt !== null),
      repair: marks ? 'It is marked as lost, so that the next push brings it again.' : undefined,
    });
  }

  for (let last = 0; ; ) {
    const page = await blobsBehind(database.read, last, pageRows);
    await forEachAtOnce(page, blobsAtOnce, check);
    const end = page.at(-1);
    if (end === undefined) return;
    last = end.id;
  }
}

async function examine(
  store: BlobStore,
  { digest, size, storageKey, lostAt }: BlobToCheck,
): Promise<{ readonly fault: Fault | undefined; readonly bytes: number }> {
  const name = `${lostAt === null ? 'The' : 'The lost'} blob ${digest}`;
  if (!isDigest(digest)) {
    const problem = `The database names a blob ${digest}, which is no digest.`;
    return { fault: { kind: 'blob-damaged', problem }, bytes: 0 };
  }
  try {
    const found = await store.rehash(storageKey, algorithmOf(digest));
    if (found.digest === digest && found.size === size) return { fault: undefined, bytes: size };
    const difference =
      found.size === size
        ? `its bytes have the digest ${found.digest}`
        : `it has ${found.size} bytes instead of ${size}`;
    return {
      fault: { kind: 'blob-damaged', problem: `${name} is damaged: ${difference}.` },
      bytes: found.size,
    };
  } catch (error) {
    if (error instanceof BlobLost) {
      const problem = `${name} is missing: there is no file of the key ${storageKey}.`;
      return { fault: { kind: 'blob-missing', problem }, bytes: 0 };
    }
    const reason = error instanceof Error ? error.message : String(error);
    const problem = `${name} cannot be read (${reason}).`;
    return { fault: { kind: 'blob-unreadable', problem }, bytes: 0 };
  }
}

function neededBy(images: readonly string[]): string {
  return images.length === 0
    ? 'No image needs it.'
    : `${images.join(', ')} ${images.length === 1 ? 'needs' : 'need'} it.`;
}

function cureOf([image]: readonly string[], marked: boolean): string {
  if (image === undefined) {
    return marked
      ? 'Nothing has to be done: the next collections remove it.'
      : 'Run berth verify --repair, which marks it as lost.';
  }
  const push = `push ${image} again from where it was built or pulled, or restore a backup`;
  return marked
    ? `${push[0]?.toUpperCase()}${push.slice(1)}.`
    : `Run berth verify --repair, then ${push}.`;
}
