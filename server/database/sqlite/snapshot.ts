import type { Reader } from '../database.ts';
import { transactionOver } from '../handles.ts';
import { openForReading } from './files.ts';

/** On a connection of its own, since the snapshot of a connection holds for all of its reads. */
export async function readSnapshot<Result>(
  folder: string,
  use: (read: Reader) => Promise<Result>,
): Promise<Result> {
  const connection = openForReading(folder);
  const { transaction, end } = transactionOver('sqlite', connection.lend, 'A snapshot');
  try {
    connection.run('begin');
    // SQLite takes the snapshot with the first read, not with `begin`.
    connection.first('select count(*) from main.sqlite_schema')([]);
    return await use(transaction);
  } finally {
    end();
    connection.close();
  }
}
