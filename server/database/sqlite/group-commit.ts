import type { AnyWrite } from '../database.ts';
import { transactionOver } from '../handles.ts';
import type { SqliteConnection } from './connection.ts';

export interface QueuedWrite {
  readonly operation: AnyWrite;
  readonly input: unknown;
}

export type Outcome =
  | { readonly kept: true; readonly output: unknown }
  | { readonly kept: false; readonly error: unknown };

/**
 * Runs writes one after the other, each in a savepoint, and commits all of them at once: a write
 * that throws leaves nothing behind and harms no other, a commit that fails fails every one.
 * Outcomes are in the order of `writes`, and true once this resolves.
 */
export async function commitTogether(
  connection: SqliteConnection,
  writes: readonly QueuedWrite[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  try {
    connection.run('begin immediate');
    for (const write of writes) {
      const outcome = await runInSavepoint(connection, write);
      outcomes.push(outcome);
      if (!connection.isInTransaction()) {
        // SQLite rolled back what ran so far; what has not run yet is not concerned.
        const lost = outcomes.map((): Outcome => notKept(outcome));
        return [...lost, ...(await commitTogether(connection, writes.slice(outcomes.length)))];
      }
    }
    connection.run('commit');
    return outcomes;
  } catch (error) {
    if (connection.isInTransaction()) connection.run('rollback');
    return writes.map(() => ({ kept: false, error }));
  }
}

function notKept(cause: Outcome): Outcome {
  return cause.kept
    ? { kept: false, error: new Error('A write ended the transaction that it was given') }
    : cause;
}

async function runInSavepoint(
  connection: SqliteConnection,
  { operation, input }: QueuedWrite,
): Promise<Outcome> {
  const { transaction, end } = transactionOver(
    'sqlite',
    connection.lend,
    `The write ${operation.name}`,
  );
  connection.run('savepoint one_write');
  try {
    const output = await settledThisTurn(operation.name, operation.run(transaction, input));
    end();
    connection.run('release one_write');
    return { kept: true, output };
  } catch (error) {
    end();
    if (connection.isInTransaction()) {
      connection.run('rollback to one_write');
      connection.run('release one_write');
    }
    return { kept: false, error };
  }
}

/**
 * Statements of SQLite need no turn of the event loop. A write that lets one pass waits for
 * something else, while every other write waits for it.
 */
async function settledThisTurn<Output>(name: string, running: Promise<Output>): Promise<Output> {
  const turn = Promise.withResolvers<never>();
  const immediate = setImmediate(() =>
    turn.reject(
      new Error(
        `The write ${name} waits for something other than its own statements: do that before or after the write`,
      ),
    ),
  );
  try {
    return await Promise.race([running, turn.promise]);
  } finally {
    clearImmediate(immediate);
  }
}
