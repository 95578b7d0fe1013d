import type { Compilable } from 'kysely';
import type { Database, Placeholder, PreparedQuery, Reader, Write } from '../database.ts';
import { readerOver } from '../handles.ts';
import { createMemory, type MemoryKey } from '../memory.ts';
import { compilePrepared } from '../prepared.ts';
import { checkRegistered, loadWrites } from '../registered-writes.ts';
import { refuseNetworkFileSystem } from './file-system.ts';
import { makeFiles, makeFolder, openForReading } from './files.ts';
import { createRefresh } from './refresh.ts';
import { readSnapshot } from './snapshot.ts';
import { startWriter, type Writer } from './writer.ts';

export interface SqliteOptions {
  /** A local folder, made when absent. */
  readonly folder: string;
  /** The module that exports `writes: readonly AnyWrite[]`; the writer thread loads it too. */
  readonly writes: URL;
  /** The writer thread ended by itself: nothing can be written until the process starts again. */
  readonly onFailure: (error: Error) => void;
}

/** Opens, and migrates, the database in `folder`. */
export async function openSqliteDatabase(options: SqliteOptions): Promise<Database> {
  return joinSqliteDatabase({ ...options, writer: await openSqliteWriter(options) });
}

/** Makes, or migrates, the database in `folder`, and starts what alone writes it. */
export async function openSqliteWriter(options: SqliteOptions): Promise<Writer> {
  const { folder, writes, onFailure } = options;
  makeFolder(folder);
  await refuseNetworkFileSystem(folder);
  makeFiles(folder);
  return startWriter({ folder, writes: writes.href }, onFailure);
}

/**
 * Opens a database that `writer` has made or migrated. The writer may stand in another process;
 * closing the database closes it.
 */
export async function joinSqliteDatabase(
  options: Pick<SqliteOptions, 'folder' | 'writes'> & { readonly writer: Writer },
): Promise<Database> {
  const { folder, writes, writer } = options;
  const registered = await loadWrites(writes);
  const connection = openForReading(folder);
  const read = readerOver('sqlite', connection.lend);
  const memory = createMemory();
  const readVersion = connection.first('pragma data_version');
  const { refresh, wrote } = createRefresh(() => Number(readVersion([])?.data_version), memory);

  function compile<Row>(build: (read: Reader, placeholder: Placeholder) => Compilable<Row>) {
    const { sql, parameters } = compilePrepared(read, build);
    const first = connection.first(sql);
    return (callArguments: readonly unknown[]) =>
      first(parameters(callArguments)) as Row | undefined;
  }

  return {
    dialect: 'sqlite',
    read,
    async write<Input, Output>(operation: Write<Input, Output>, input: Input): Promise<Output> {
      checkRegistered(registered, operation);
      try {
        return (await writer.run(operation.name, input)) as Output;
      } finally {
        wrote();
      }
    },
    prepare<Arguments extends readonly unknown[], Row>(
      build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
    ): PreparedQuery<Arguments, Row> {
      const first = compile(build);
      return (...callArguments) => first(callArguments);
    },
    snapshot: (use) => readSnapshot(folder, use),
    prepareRemembered: <Parameters extends readonly MemoryKey[], Row>(
      build: (read: Reader, placeholder: Placeholder) => Compilable<Row>,
    ): PreparedQuery<Parameters, Row> => memory.remembering<Parameters, Row>(compile(build)),
    refresh,
    remembered: memory.counts,
    async close() {
      await writer.close();
      connection.close();
    },
  };
}
