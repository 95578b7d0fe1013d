import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Durability, Transaction } from '../database.ts';
import { transactionOver } from '../handles.ts';
import { lendOnly, withClient } from './connection.ts';
import { isConflict, isConnectionLoss, toRefusal } from './failures.ts';

const attempts = 6;

const begin: Record<Durability, string> = {
  durable: 'begin isolation level read committed',
  transient: 'begin isolation level read committed; set local synchronous_commit = off',
};

/**
 * Runs `run` in a transaction, again when it collided with another one. `owner` names it in errors.
 */
export async function runTransaction<Output>(
  pool: pg.Pool,
  durability: Durability,
  owner: string,
  run: (transaction: Transaction) => Promise<Output>,
): Promise<Output> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await withClient(pool, (client) => attemptOnce(client, durability, owner, run));
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw toRefusal(error);
    }
    await pause(Math.random() * 5 * 2 ** attempt);
  }
}

async function attemptOnce<Output>(
  client: pg.PoolClient,
  durability: Durability,
  owner: string,
  run: (transaction: Transaction) => Promise<Output>,
): Promise<Output> {
  const { transaction, end } = transactionOver('postgres', lendOnly(client), owner);
  await client.query(begin[durability]);
  try {
    const output = await run(transaction);
    end();
    const { command } = await client.query('commit');
    // PostgreSQL answers a commit after a failed statement by rolling back, and without an error.
    if (command !== 'COMMIT') {
      throw new Error(`${owner} caught the error of one of its statements: nothing of it was kept`);
    }
    return output;
  } catch (error) {
    end();
    if (!isConnectionLoss(error)) await client.query('rollback');
    throw error;
  }
}
