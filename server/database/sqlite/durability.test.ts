import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { secret, secretNames } from '../testing/places.ts';
import { readPragmas } from '../testing/sqlite-writes.ts';
import { addSecret } from '../testing/suite-writes.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

const writes = new URL('../testing/sqlite-writes.ts', import.meta.url);

describe('durable writes on SQLite', () => {
  test('are synced by every commit, on checked foreign keys', async () => {
    await using place = await temporaryFolder();
    await using database = await open(place.folder);
    assert.deepEqual(await database.write(readPragmas, undefined), [
      { synchronous: 2 },
      { foreign_keys: 1 },
      { journal_mode: 'wal' },
    ]);
    const { rows } = await sql`pragma synchronous`.execute(database.read);
    assert.deepEqual(rows, [{ synchronous: 2 }]);
  });

  test('share their commits: 200 at once need fewer than 20', async () => {
    await using place = await temporaryFolder();
    await using database = await open(place.folder);
    const before = await countCommits(place.folder);
    const names = Array.from({ length: 200 }, (_, index) => `secret-${1000 + index}`);
    await Promise.all(names.map((name) => database.write(addSecret, secret(name))));
    const commits = (await countCommits(place.folder)) - before;
    assert.deepEqual(await secretNames(database), names);
    assert(commits > 0 && commits < 20, `${commits} commits`);
  });

  test('do not share a commit with those that are asked for after the reply', async () => {
    await using place = await temporaryFolder();
    await using database = await open(place.folder);
    const before = await countCommits(place.folder);
    for (let count = 0; count < 10; count++) {
      await database.write(addSecret, secret(`secret-${count}`));
      assert.equal(await countCommits(place.folder), before + count + 1);
    }
  });

  test('survive, once acknowledged, the kill of the process', async () => {
    await using place = await temporaryFolder();
    const script = fileURLToPath(new URL('../testing/acknowledging-process.ts', import.meta.url));
    for (let round = 0; round < 3; round++) {
      const folder = join(place.folder, `round-${round}`);
      const child = spawn(process.execPath, [script, folder], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exit = once(child, 'exit');
      const acknowledged: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged.push(line);
        if (acknowledged.length === 100 * (round + 1)) child.kill('SIGKILL');
      }
      assert.deepEqual(await exit, [null, 'SIGKILL']);

      await using database = await open(folder);
      const kept = new Set(await secretNames(database));
      assert.deepEqual(
        acknowledged.filter((name) => !kept.has(name)),
        [],
      );
      assert(acknowledged.length >= 100 * (round + 1));
      const { rows } = await sql`pragma integrity_check`.execute(database.read);
      assert.deepEqual(rows, [{ integrity_check: 'ok' }]);
    }
  });

  test('are in files that only their owner reads', async () => {
    await using place = await temporaryFolder();
    await using database = await open(place.folder);
    await database.write(addSecret, secret('hidden'));
    for (const file of ['berth.sqlite', 'berth.sqlite-wal', 'transient.sqlite']) {
      const { mode } = await stat(join(place.folder, file));
      assert.equal(mode & 0o077, 0, file);
    }
  });
});

/** A frame of the write-ahead log ends a commit when it names the size of the database (SQLite, "WAL File Format"). */
async function countCommits(folder: string): Promise<number> {
  const log = await readFile(join(folder, 'berth.sqlite-wal'));
  const pageSize = log.readUInt32BE(8);
  const salts = log.subarray(16, 24);
  let commits = 0;
  for (let frame = 32; frame + 24 + pageSize <= log.length; frame += 24 + pageSize) {
    const current = salts.equals(log.subarray(frame + 8, frame + 16));
    if (current && log.readUInt32BE(frame + 4) !== 0) commits++;
  }
  return commits;
}

async function open(folder: string) {
  const database = await openSqliteDatabase({
    folder,
    writes,
    onFailure: (error) => assert.fail(error),
  });
  return { ...database, [Symbol.asyncDispose]: () => database.close() };
}

async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'berth-sqlite-'));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
