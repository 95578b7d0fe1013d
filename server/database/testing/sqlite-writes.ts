import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { AnyWrite, Write } from '../database.ts';
import * as suite from './suite-writes.ts';

/** Waits for what is not a statement, then goes on as if it had been right to. */
export const waitForTimer: Write<{ name: string }, void> = {
  name: 'sqlite-suite.wait-for-timer',
  durability: 'durable',
  run: async (transaction, { name }) => {
    const row = { name, sealed: new Uint8Array(), created_at: 1 };
    await transaction.insertInto('secrets').values(row).execute();
    await pause(1);
    await transaction
      .insertInto('secrets')
      .values({ ...row, name: `${name}-later` })
      .execute();
  },
};

export const endThread: Write<void, void> = {
  name: 'sqlite-suite.end-thread',
  durability: 'durable',
  run: async () => process.exit(3),
};

export const limitPages: Write<{ pages: number }, void> = {
  name: 'sqlite-suite.limit-pages',
  durability: 'durable',
  run: async (transaction, { pages }) => {
    await sql.raw(`pragma max_page_count = ${pages}`).execute(transaction);
  },
};

/** How the writing connection of durable tables syncs, and whether it checks foreign keys. */
export const readPragmas: Write<void, readonly unknown[]> = {
  name: 'sqlite-suite.read-pragmas',
  durability: 'durable',
  run: async (transaction) => {
    const rows = await Promise.all([
      sql`pragma synchronous`.execute(transaction),
      sql`pragma foreign_keys`.execute(transaction),
      sql`pragma journal_mode`.execute(transaction),
    ]);
    return rows.flatMap((result) => result.rows);
  },
};

export const answerFunction: Write<void, unknown> = {
  name: 'sqlite-suite.answer-function',
  durability: 'durable',
  run: async () => () => {},
};

export const addUploadAndSecret: Write<{ name: string }, void> = {
  name: 'sqlite-suite.add-upload-and-secret',
  durability: 'transient',
  run: async (transaction, { name }) => {
    await suite.addUpload.run(transaction, { id: name });
    await suite.addSecret.run(transaction, { name, sealed: new Uint8Array() });
  },
};

export const endTransaction: Write<{ name: string }, void> = {
  name: 'sqlite-suite.end-transaction',
  durability: 'durable',
  run: async (transaction, { name }) => {
    await suite.addSecret.run(transaction, { name, sealed: new Uint8Array() });
    await sql`rollback`.execute(transaction);
  },
};

export const writes: readonly AnyWrite[] = [
  ...suite.writes,
  waitForTimer,
  endThread,
  limitPages,
  readPragmas,
  answerFunction,
  addUploadAndSecret,
  endTransaction,
];
