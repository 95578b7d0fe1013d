import { systemErrorCode } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { hasAwaitedToken } from './queries.ts';
import { noteHandshakeFailure } from './writes/connect-tokens.ts';

/** Anybody can make handshakes fail as often as they like. */
const pauseMilliseconds = 10_000;
/** What a client says that does not trust the certificate. */
const distrust = /UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED/;

/**
 * Keeps, for the checklists of clusters whose agents are awaited, that a client did not trust the
 * server's certificate: it may have been the agent, or a node.
 */
export function createHandshakeFailures(options: {
  readonly database: Database;
  readonly report: (error: unknown) => void;
  readonly now: () => number;
}): (address: string, error: Error) => void {
  const { database, report, now } = options;
  let quietUntil = 0;

  async function note(address: string, time: number): Promise<void> {
    if (!(await hasAwaitedToken(database.read, time))) return;
    await database.write(noteHandshakeFailure, { address, now: time });
  }

  return (address, error) => {
    const time = now();
    if (time < quietUntil || !distrust.test(systemErrorCode(error) ?? '')) return;
    quietUntil = time + pauseMilliseconds;
    note(address, time).catch(report);
  };
}
