import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';

/**
 * Makes every cached answer about who may do what stale, in the transaction of the change that
 * gave, took or ended a right.
 */
export async function bumpGrantGeneration(transaction: Transaction): Promise<void> {
  await transaction
    .updateTable('generations')
    .set({ value: sql<number>`value + 1` })
    .where('name', '=', 'grants')
    .execute();
}

/** The generation that answers about rights belong to, as remembered since the last refresh. */
export type ReadGrantGeneration = () => number | Promise<number>;

export function grantGenerationOf(database: Database): ReadGrantGeneration {
  const select = database.prepareRemembered<[], { value: number }>((read) =>
    read.selectFrom('generations').select('value').where('name', '=', 'grants'),
  );
  return () => {
    const row = select();
    return row instanceof Promise ? row.then(generationIn) : generationIn(row);
  };
}

function generationIn(row: { value: number } | undefined): number {
  if (row === undefined) throw new Error('The database counts no generation of grants');
  return row.value;
}
