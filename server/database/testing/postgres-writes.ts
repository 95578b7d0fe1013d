import { sql } from 'kysely';
import type { AnyWrite, Durability, Write } from '../database.ts';
import * as suite from './suite-writes.ts';

/** What a commit of this transaction waits for. */
function readSynchronousCommit(durability: Durability): Write<void, string> {
  return {
    name: `postgres-suite.read-synchronous-commit-${durability}`,
    durability,
    run: async (transaction) => {
      const { rows } = await sql<{
        synchronous_commit: string;
      }>`show synchronous_commit`.execute(transaction);
      return rows[0]?.synchronous_commit ?? '';
    },
  };
}

export const durableCommit = readSynchronousCommit('durable');
export const transientCommit = readSynchronousCommit('transient');

/** As a disk that fills up, a shutdown, … make PostgreSQL fail. */
export const failWith: Write<{ name: string; code: string }, void> = {
  name: 'postgres-suite.fail-with',
  durability: 'durable',
  run: async (transaction, { name, code }) => {
    await suite.addSecret.run(transaction, { name, sealed: new Uint8Array() });
    await sql
      .raw(`do $$ begin raise exception 'failed' using errcode = '${code}'; end $$`)
      .execute(transaction);
  },
};

export const loseConnection: Write<{ name: string }, void> = {
  name: 'postgres-suite.lose-connection',
  durability: 'durable',
  run: async (transaction, { name }) => {
    await suite.addSecret.run(transaction, { name, sealed: new Uint8Array() });
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(transaction);
  },
};

export const catchError: Write<{ name: string }, void> = {
  name: 'postgres-suite.catch-error',
  durability: 'durable',
  run: async (transaction, { name }) => {
    await suite.addTwice.run(transaction, { name }).catch(() => {});
  },
};

interface Meeting {
  readonly order: readonly [string, string];
  /** Resolves once both sides hold their first row. */
  readonly met: () => Promise<void>;
}

export const lockInOrder: Write<Meeting, number> = {
  name: 'postgres-suite.lock-in-order',
  durability: 'durable',
  run: async (transaction, { order, met }) => {
    let changed = 0;
    for (const name of order) {
      const result = await transaction
        .updateTable('secrets')
        .set((eb) => ({ sealed: eb.ref('sealed') }))
        .where('name', '=', name)
        .executeTakeFirst();
      changed += Number(result.numUpdatedRows);
      if (name === order[0]) await met();
    }
    return changed;
  },
};

export const askAtOnce: Write<void, readonly number[]> = {
  name: 'postgres-suite.ask-at-once',
  durability: 'durable',
  run: async (transaction) => {
    const numbers = [1, 2, 3].map((number) =>
      sql<{ number: number }>`select ${number}::int8 as number`.execute(transaction),
    );
    const results = await Promise.all(numbers);
    return results.flatMap(({ rows }) => rows.map((row) => row.number));
  },
};

export const writes: readonly AnyWrite[] = [
  ...suite.writes,
  durableCommit,
  transientCommit,
  failWith,
  loseConnection,
  catchError,
  lockInOrder,
  askAtOnce,
];
