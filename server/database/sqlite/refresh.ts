import type { Memory } from '../memory.ts';

/** How many requests share one look at the file at most. */
const mostSharers = 64;

export interface Refresh {
  refresh(): void;
  /** This process wrote: what is remembered may be older. */
  wrote(): void;
}

/**
 * Forgets when `readVersion` says that another connection committed: the writer thread, or another
 * process.
 *
 * Asking costs as much as a tenth of a whole request, so requests of one turn of the event loop
 * share an answer. It is new enough for each of them: Node.js parses requests in the poll phase
 * alone, from sockets that the kernel had found readable when the phase began. So they were sent
 * before the question was asked, and a client that had read the reply to a push by then finds it
 * answered.
 */
export function createRefresh(readVersion: () => number, memory: Memory): Refresh {
  let seen = readVersion();
  let sharers = 0;
  let turnEnds = false;
  const endTurn = () => {
    turnEnds = false;
    sharers = 0;
  };
  return {
    refresh() {
      if (sharers > 0) {
        sharers -= 1;
        return;
      }
      const version = readVersion();
      if (version !== seen) {
        memory.forget();
        seen = version;
      }
      sharers = mostSharers - 1;
      if (!turnEnds) setImmediate(endTurn);
      turnEnds = true;
    },
    wrote() {
      memory.forget();
      sharers = 0;
    },
  };
}
