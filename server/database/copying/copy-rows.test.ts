import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import type { Database, Reader } from '../database.ts';
import { newestSchema } from '../migrations/migrate.ts';
import { openPostgresDatabase } from '../postgres/postgres-database.ts';
import { fillPostgresDatabase, postgresSchemaVersion } from '../postgres/whole-database.ts';
import { createDatabaseFile, readDatabaseFile } from '../sqlite/database-file.ts';
import { openSqliteDatabase } from '../sqlite/sqlite-database.ts';
import { fillSqliteDatabase, sqliteSchemaVersion } from '../sqlite/whole-database.ts';
import {
  addBlob,
  addManifest,
  addRepository,
  addSecret,
  removeBlob,
} from '../testing/suite-writes.ts';
import { copyRows } from './copy-rows.ts';
import { durableTables } from './durable-tables.ts';

const writes = new URL('../testing/sqlite-writes.ts', import.meta.url);
const MiB = 1024 * 1024;

describe('the rows of a database', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  let folder: string;
  before(async () => {
    postgres = await startPostgres();
    folder = mkdtempSync(join(tmpdir(), 'berth-copying-'));
  });
  after(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  const openSqlite = (path: string) =>
    openSqliteDatabase({ folder: path, writes, onFailure: (error) => assert.fail(error) });

  /** More rows than a page holds, more bytes than a page holds, and an id that was given before. */
  async function fill(database: Database): Promise<void> {
    await database.write(addSecret, { name: 'one', sealed: new Uint8Array([0, 1, 255]) });
    const repository = await database.write(addRepository, { name: 'library/app' });
    for (let index = 0; index < 5; index++) {
      const tags = index > 0 ? [] : Array.from({ length: 2500 }, (_, tag) => `tag-${tag}-é`);
      const bytes = new Uint8Array(4 * MiB).fill(index);
      await database.write(addManifest, { repository, digest: `sha256:${index}`, bytes, tags });
    }
    await database.write(addBlob, { digest: 'sha256:kept', key: 'kept', state: 'live' });
    const removed = { digest: 'sha256:removed', key: 'removed', state: 'live' } as const;
    await database.write(removeBlob, { id: await database.write(addBlob, removed) });
  }

  async function toFile(database: Database, path: string): Promise<void> {
    await createDatabaseFile(path, newestSchema, async (to) => {
      const tables = await durableTables(to);
      await database.snapshot((from) => copyRows({ from, to, tables, onRows: () => {} }));
    });
  }

  /** Every row of every table, as text. */
  async function contentOf(read: Reader): Promise<Record<string, string>> {
    const content: Record<string, string> = {};
    for (const { name, key } of await durableTables(read)) {
      const keys = sql.join(key.map((column) => sql.ref(column)));
      const { rows } = await sql`select * from ${sql.table(name)} order by ${keys}`.execute(read);
      content[name] = JSON.stringify(rows, (_, value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
      );
    }
    return content;
  }

  test('go to a file, to PostgreSQL, to a file, to SQLite, and are the same', async () => {
    const source = await openSqlite(join(folder, 'source'));
    await fill(source);
    const first = join(folder, 'first.sqlite');
    await toFile(source, first);
    const expected = await contentOf(source.read);
    await source.close();
    assert.ok(Object.keys(expected).length >= 15, Object.keys(expected).join(' '));
    assert.equal(JSON.parse(expected.tags ?? '').length, 2500);

    const url = await postgres.createDatabase();
    assert.equal(await postgresSchemaVersion(url), undefined);
    await readDatabaseFile(first, async (from) => {
      assert.deepEqual(await contentOf(from), expected);
      const tables = await durableTables(from);
      await fillPostgresDatabase(url, newestSchema, (to) =>
        copyRows({ from, to, tables, onRows: () => {} }),
      );
    });
    assert.equal(await postgresSchemaVersion(url), newestSchema);
    const middle = await openPostgresDatabase({ url, writes });
    const second = join(folder, 'second.sqlite');
    await toFile(middle, second);
    const added = { digest: 'sha256:added', key: 'added', state: 'live' } as const;
    assert.equal(await middle.write(addBlob, added), 3, 'the id of a removed blob is given again');
    await middle.close();

    const target = join(folder, 'target');
    assert.equal(await sqliteSchemaVersion(target), undefined);
    await readDatabaseFile(second, async (from) => {
      assert.deepEqual(await contentOf(from), expected);
      const tables = await durableTables(from);
      await fillSqliteDatabase(target, newestSchema, (to) =>
        copyRows({ from, to, tables, onRows: () => {} }),
      );
    });
    assert.equal(await sqliteSchemaVersion(target), newestSchema);
    const last = await openSqlite(target);
    assert.deepEqual(await contentOf(last.read), expected);
    assert.equal(await last.write(addBlob, added), 3, 'the id of a removed blob is given again');
    await last.close();
  });

  test('of an earlier schema come to what this program knows when they are opened', async () => {
    const early = join(folder, 'early');
    await fillSqliteDatabase(early, 1, async () => {});
    assert.equal(await sqliteSchemaVersion(early), 1);
    const database = await openSqlite(early);
    await fill(database);
    await database.close();
    assert.equal(await sqliteSchemaVersion(early), newestSchema);
  });

  test('leave an empty database when their copying fails', async () => {
    const url = await postgres.createDatabase();
    const target = join(folder, 'failed');
    const fail = async () => {
      throw new Error('it failed');
    };
    await assert.rejects(fillPostgresDatabase(url, newestSchema, fail), /it failed/);
    assert.equal(await postgresSchemaVersion(url), undefined);
    await assert.rejects(fillSqliteDatabase(target, newestSchema, fail), /it failed/);
    assert.equal(await sqliteSchemaVersion(target), undefined);
    await fillSqliteDatabase(target, newestSchema, async () => {});
    assert.equal(await sqliteSchemaVersion(target), newestSchema);
  });
});
