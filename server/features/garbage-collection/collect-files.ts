import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { StoredBlob } from '#server/blobs/blob-store.ts';
import { createPace } from './pace.ts';
import { type DeletingBlob, deletingBlobs, keysOfBlobs } from './queries.ts';
import { breathe, inBatches, type Run, type Taken, walk } from './run.ts';
import { forgetBlobs } from './writes/blobs.ts';
import { beginDeletions, endDeletions } from './writes/holds.ts';
import { abandonUploads } from './writes/uploads.ts';

const leaseMilliseconds = 60_000;
/** Enough for the deletions that are under way at once. */
const marginMilliseconds = 10_000;
const waitMilliseconds = 1_000;
const deletionsAtOnce = 16;
/** A page takes a small part of the lease, however slow the disk is. */
const filesAtOnce = 256;

/** Deletes the files of blobs that exist no more, those of an interrupted collection among them. */
export async function deleteBlobFiles(run: Run): Promise<void> {
  const { database, store, report } = run;
  const pace = createPace(100, 1_000);
  let done = 0;
  await deleting(run, async (mayDelete) => {
    const blobs = walk<DeletingBlob>(run, (last, limit) =>
      deletingBlobs(database.read, last?.id ?? 0, Math.min(limit, filesAtOnce)),
    );
    for await (const page of blobs) {
      const until = await mayDelete();
      await eachUntil(until, run, page, ({ storageKey }) => store.delete(storageKey));
      const ids = page.map(({ id }) => id);
      await inBatches(run, pace, ids, (slice) => database.write(forgetBlobs, { ids: slice }));
      done += page.length;
      report({ step: 'deleting files', done });
    }
  });
}

/** Deletes files that a crash left without a blob. */
export async function collectFiles(run: Run, taken: Taken): Promise<void> {
  const { store } = run;
  await deleting(run, async (mayDelete) => {
    for await (const files of oldFiles(run)) {
      const orphans = await orphansOf(run, files);
      if (orphans.length === 0) continue;
      const until = await mayDelete();
      await eachUntil(until, run, orphans, ({ key }) => store.delete(key));
      taken.files += orphans.length;
      for (const { size } of orphans) taken.bytes += size;
    }
  });
}

/** Files that are older than the grace period, some at a time. */
export async function* oldFiles(run: Run): AsyncGenerator<readonly StoredBlob[]> {
  let files: StoredBlob[] = [];
  let seen = 0;
  for await (const file of run.store.list()) {
    if (++seen % filesAtOnce === 0) {
      run.report({ step: 'looking for files that nobody knows', done: seen });
      await breathe(run);
    }
    if (file.modifiedAt < run.before) files.push(file);
    if (files.length < filesAtOnce) continue;
    yield files;
    files = [];
  }
  if (files.length > 0) yield files;
}

/**
 * Those without a blob. An upload that may still make its file a blob keeps it; one that no request
 * works on is forgotten first, so that none can come back to a file that is about to go.
 */
async function orphansOf(
  { database, now }: Run,
  files: readonly StoredBlob[],
): Promise<readonly StoredBlob[]> {
  const known = await keysOfBlobs(
    database.read,
    files.map(({ key }) => key),
  );
  const unknown = files.filter(({ key }) => !known.has(key));
  if (unknown.length === 0) return [];
  const keys = unknown.map(({ key }) => key);
  const underWay = new Set(await database.write(abandonUploads, { keys, now: now() }));
  // Again: an upload that ended in between has its blob by now.
  const knownNow = await keysOfBlobs(database.read, keys);
  return unknown.filter(({ key }) => !underWay.has(key) && !knownNow.has(key));
}

/**
 * Runs `work`, which calls `mayDelete` before it deletes some files: that waits as long as somebody
 * holds deletions off, and tells until when they may go.
 */
async function deleting(
  run: Run,
  work: (mayDelete: () => Promise<number>) => Promise<void>,
): Promise<void> {
  const { database, report, now } = run;
  const id = randomUUID();
  const mayDelete = async () => {
    for (;;) {
      const time = now();
      const leaseUntil = time + leaseMilliseconds;
      const answer = await database.write(beginDeletions, { id, leaseUntil, now: time });
      if (answer.allowed) return leaseUntil;
      report({ step: `waiting: ${answer.reason} holds the deletion of files off`, done: 0 });
      await pause(waitMilliseconds, undefined, { signal: run.signal });
    }
  };
  try {
    await work(mayDelete);
  } finally {
    await database.write(endDeletions, { id });
  }
}

/** A process that stood still must not go on when somebody may hold deletions off by now. */
async function eachUntil<Item>(
  until: number,
  { now }: Run,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += deletionsAtOnce) {
    if (now() >= until - marginMilliseconds) {
      throw new Error('The deletion of files took longer than it may: it is begun again.');
    }
    await Promise.all(items.slice(start, start + deletionsAtOnce).map(work));
  }
}
