import type pg from 'pg';
import type { Memory } from '../memory.ts';
import { withClient } from './connection.ts';
import { toRefusal } from './failures.ts';

/** Transaction numbers never come back, so equal snapshots see equal data; reading takes none. */
const snapshot = { name: 'snapshot', text: 'select pg_current_snapshot()::text as seen' };

/**
 * Forgets when anything was committed since the last question. Calls share questions: one that was
 * sent in this turn of the event loop is new enough for every request of the turn, since all were
 * sent before it; one that is under way since an earlier turn may be older than the request, which
 * then waits for the next.
 */
export function createRefresh(pool: pg.Pool, memory: Memory): () => Promise<void> {
  let seen: string | undefined;
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let ofThisTurn = false;

  async function ask(): Promise<void> {
    let answer: string | undefined;
    try {
      const { rows } = await withClient(pool, (client) => client.query<{ seen: string }>(snapshot));
      answer = rows[0]?.seen;
    } catch (error) {
      throw toRefusal(error);
    } finally {
      if (answer === undefined || answer !== seen) memory.forget();
      seen = answer;
    }
  }

  function begin(): Promise<void> {
    next = undefined;
    ofThisTurn = true;
    setImmediate(() => {
      ofThisTurn = false;
    });
    const question = ask().finally(() => {
      if (current === question) current = undefined;
    });
    current = question;
    return question;
  }

  return () => {
    if (next !== undefined) return next;
    if (current === undefined) return begin();
    if (ofThisTurn) return current;
    next = current.then(begin, begin);
    return next;
  };
}
