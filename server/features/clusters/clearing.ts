import type { Database } from '#server/database/database.ts';
import { longestWait } from './connection/mailbox.ts';
import { hasEnded } from './queries.ts';
import { clearEnded } from './writes/clusters.ts';
import { forgetAgentRequests } from './writes/requests.ts';

const intervalMilliseconds = 10 * 60_000;
/** How long an ended token tells why nothing came of it. */
const tokenMilliseconds = 24 * 60 * 60_000;
/** How long whoever disconnects a cluster may take to read what is left in it. */
const removalMilliseconds = 60 * 60_000;

export interface Clearing {
  /** Takes away what nobody can use any more. */
  clear(): Promise<void>;
  /** Does so now and every ten minutes. */
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

  return {
    clear,
    start() {
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
