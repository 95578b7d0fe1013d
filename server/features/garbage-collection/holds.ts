import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '#server/database/database.ts';
import { deletionsUnderWay } from './queries.ts';
import { holdDeletions, releaseDeletionHold, renewDeletionHold } from './writes/holds.ts';

const leaseMilliseconds = 60_000;
const lookMilliseconds = 50;

/** While it lives, no file of a blob is deleted by any process. */
export interface DeletionHold {
  /** Aborted when the hold was lost: files may be deleted from then on. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Resolves once no deletion is under way and none can begin. */
export async function holdFileDeletions(options: {
  database: Database;
  /** For people who wonder why a collection waits: `a backup`. */
  reason: string;
  now: () => number;
}): Promise<DeletionHold> {
  const { database, reason, now } = options;
  const id = randomUUID();
  const lost = new AbortController();
  let until = now() + leaseMilliseconds;
  await database.write(holdDeletions, { id, reason, leaseUntil: until, now: now() });

  async function renew(): Promise<void> {
    const leaseUntil = now() + leaseMilliseconds;
    try {
      if (await database.write(renewDeletionHold, { id, leaseUntil, now: now() })) {
        until = leaseUntil;
        return;
      }
    } catch {
      // The database may answer again before the lease ends.
      if (now() < until) return;
    }
    end();
    lost.abort();
  }
  const renewal = setInterval(renew, leaseMilliseconds / 4);
  renewal.unref();
  const end = () => clearInterval(renewal);

  const release = async () => {
    end();
    await database.write(releaseDeletionHold, { id });
  };
  try {
    while ((await deletionsUnderWay(database.read, now())) !== undefined) {
      await pause(lookMilliseconds);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return { lost: lost.signal, release };
}
