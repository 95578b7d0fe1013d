import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSqlite } from '../auth/testing/server.suite.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { listUsers } from './queries.ts';

test('the first admin is created once, with the password that was given', async () => {
  await using place = await openSqlite();
  const { database } = place;
  await assert.rejects(ensureFirstAdmin(database, 'short', 1), /8 to 128/);
  assert.equal(await ensureFirstAdmin(database, 'correct horse', 1), undefined);
  assert.equal(await ensureFirstAdmin(database, undefined, 2), undefined);
  assert.equal(await ensureFirstAdmin(database, 'ignored', 2), undefined);
  const page = { number: 1, limit: 10, offset: 0 };
  const { rows } = await listUsers(database.read, { terms: new Map(), sort: [] }, page);
  assert.deepEqual(
    rows.map(({ username, admin, created_at }) => [username, admin, created_at]),
    [['admin', 1, 1]],
  );
});

test('the first admin gets a typeable password where none was given, told to one starter only', async () => {
  await using place = await openSqlite();
  const told = await Promise.all([
    ensureFirstAdmin(place.database, undefined, 1),
    ensureFirstAdmin(place.database, undefined, 1),
  ]);
  const passwords = told.filter((password) => password !== undefined);
  assert.equal(passwords.length, 1);
  assert.match(String(passwords[0]), /^[a-z2-9]{4}(-[a-z2-9]{4}){4}$/);
});
