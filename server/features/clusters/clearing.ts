import type { Database } from '#server/database/database.ts';
import { longestWait } from './connection/mailbox.ts';
import { heldClusters } from './connection-queries.ts';
import { holderOfConnection } from './holder.ts';
import { hasEnded } from './queries.ts';
import { clearEnded } from './writes/clusters.ts';
import { releaseConnection } from './writes/connections.ts';
import { forgetAgentRequests } from './writes/requests.ts';

const intervalMilliseconds = 10 * 60_000;
/** How long an ended token tells why nothing came of it. */
const tokenMilliseconds = 24 * 60 * 60_000;
/** How long whoever disconnects a cluster may take to read what is left in it. */
const removalMilliseconds = 60 * 60_000;

export interface Clearing {
  /** Ends what processes held that are gone: of a database that processes of one machine share. */
  endAbandoned(): Promise<void>;
  /** Takes away what nobody can use any more. */
  clear(): Promise<void>;
  /** Does both now, and clears every ten minutes. */
  start(): void;
  stop(): Promise<void>;
}

export function createClearing(options: {
  readonly database: Database;
  readonly report: (error: unknown) => void;
  readonly now: () => number;
}): Clearing {
  const { database, report, now } = options;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> = Promise.resolve();

  async function clear(): Promise<void> {
    const time = now();
    const ended = {
      tokens: time - tokenMilliseconds,
      credentials: time,
      removals: time - removalMilliseconds,
    };
    // A look costs nothing, and a write is a sync of the disk.
    if (await hasEnded(database.read, ended)) await database.write(clearEnded, ended);
    await database.write(forgetAgentRequests, { before: time - 2 * longestWait });
  }

  async function endAbandoned(): Promise<void> {
    // Those who share PostgreSQL may be anywhere, and are believed for a while.
    if (database.dialect !== 'sqlite') return;
    for (const { id: cluster, connection, seen_at: seenAt } of await heldClusters(database.read)) {
      if (holderOfConnection(connection) === 'lives') continue;
      await database.write(releaseConnection, { cluster, connection, seenAt: seenAt ?? now() });
    }
  }

  return {
    endAbandoned,
    clear,
    start() {
      underWay = endAbandoned().catch(report);
      const run = () => {
        underWay = underWay.then(clear).catch(report);
      };
      run();
      timer = setInterval(run, intervalMilliseconds).unref();
    },
    async stop() {
      clearInterval(timer);
      await underWay;
    },
  };
}
