import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { databaseSuite } from '../testing/database-suite.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

databaseSuite('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
  return {
    open: () =>
      openSqliteDatabase({
        folder,
        writes: new URL('../testing/suite-writes.ts', import.meta.url),
        onFailure: (error) => assert.fail(error),
      }),
    remove: () => rm(folder, { recursive: true }),
  };
});
