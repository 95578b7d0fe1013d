import type pg from 'pg';
import type { Reader } from '../database.ts';
import { transactionOver } from '../handles.ts';
import { lendOnly, withClient } from './connection.ts';
import { isConnectionLoss, toRefusal } from './failures.ts';

/**
 * PostgreSQL takes the snapshot with the first query, not with `begin`. What is read may be put
 * elsewhere page by page, so the transaction is idle for long at times.
 */
const begin = `
  begin isolation level repeatable read read only;
  select set_config('idle_in_transaction_session_timeout', '0', true)`;

export async function readSnapshot<Result>(
  pool: pg.Pool,
  use: (read: Reader) => Promise<Result>,
): Promise<Result> {
  try {
    return await withClient(pool, async (client) => {
      const { transaction, end } = transactionOver('postgres', lendOnly(client), 'A snapshot');
      try {
        await client.query(begin);
        const result = await use(transaction);
        end();
        await client.query('commit');
        return result;
      } catch (error) {
        end();
        if (!isConnectionLoss(error)) await client.query('rollback');
        throw error;
      }
    });
  } catch (error) {
    throw toRefusal(error);
  }
}
