import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { type Opened, rejection, secret, secretNames } from './places.ts';
import {
  addRepository,
  addSecret,
  addThenRefuse,
  addThenRefuseManifest,
  addTwice,
  addUpload,
  countUp,
  leaveStatementBehind,
  unregistered,
} from './suite-writes.ts';

/** What writes promise, for every implementation. */
export function writesSuite(name: string, opened: Opened): void {
  describe(`writes of ${name}`, () => {
    test(
      'are seen by the next read, and answer what they made',
      opened(async (database) => {
        const id = await database.write(addRepository, { name: 'library/app' });
        const rows = await database.read.selectFrom('repositories').selectAll().execute();
        assert.deepEqual(rows, [
          {
            id,
            project_id: 1,
            name: 'library/app',
            description: '',
            created_at: 1,
            updated_at: 1,
          },
        ]);
      }),
    );

    test(
      'that are transient are seen by the next read',
      opened(async (database) => {
        await database.write(addUpload, { id: 'one' });
        const row = await database.read
          .selectFrom('uploads')
          .select(['id', 'offset'])
          .executeTakeFirst();
        assert.deepEqual(row, { id: 'one', offset: 0 });
      }),
    );

    test(
      'that refuse leave nothing behind, and reject with the same refusal',
      opened(async (database) => {
        const refusal = await rejection(
          database.write(addThenRefuse, { name: 'a', kind: 'conflict', message: 'It is taken.' }),
        );
        assert(refusal instanceof Refusal);
        assert.equal(refusal.kind, 'conflict');
        assert.equal(refusal.message, 'It is taken.');

        const detail = { digest: 'sha256:abc', position: 3 };
        const error = await rejection(database.write(addThenRefuseManifest, { name: 'b', detail }));
        assert(error instanceof OciError);
        assert.equal(error.code, 'MANIFEST_BLOB_UNKNOWN');
        assert.equal(error.message, 'The layer is missing: push it first.');
        assert.deepEqual(error.detail, detail);

        assert.deepEqual(await secretNames(database), []);
      }),
    );

    test(
      'that fail harm none of those beside them',
      opened(async (database) => {
        const results = await Promise.allSettled([
          database.write(addSecret, secret('before')),
          database.write(addTwice, { name: 'twice' }),
          database.write(addThenRefuse, { name: 'refused', kind: 'denied', message: 'No.' }),
          database.write(addSecret, secret('after')),
        ]);
        assert.deepEqual(
          results.map((result) => result.status),
          ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
        );
        assert.deepEqual(await secretNames(database), ['after', 'before']);
      }),
    );

    test(
      'are all kept when 200 of them are asked for at once',
      opened(async (database) => {
        const names = Array.from({ length: 200 }, (_, index) => `secret-${1000 + index}`);
        const answers = await Promise.all(names.map((it) => database.write(addSecret, secret(it))));
        assert.deepEqual(answers, names);
        assert.deepEqual(await secretNames(database), names);
      }),
    );

    test(
      'that read with a lock and write what they read lose no update',
      opened(async (database) => {
        const values = await Promise.all(
          Array.from({ length: 50 }, () => database.write(countUp, undefined)),
        );
        assert.equal(new Set(values).size, 50);
        const row = await database.read
          .selectFrom('generations')
          .selectAll()
          .executeTakeFirstOrThrow();
        assert.deepEqual(row, { name: 'grants', value: 51 });
      }),
    );

    test(
      'cannot reach past their end',
      opened(async (database) => {
        await Promise.all([
          database.write(leaveStatementBehind, { name: 'straggler' }),
          ...['a', 'b', 'c'].map((it) => database.write(addSecret, secret(it))),
        ]);
        await database.write(addSecret, secret('d'));
        assert.deepEqual(await secretNames(database), ['a', 'b', 'c', 'd']);
      }),
    );

    test(
      'that the database was not opened with are refused',
      opened(async (database) => {
        await assert.rejects(database.write(unregistered, undefined), /suite\.unregistered/);
      }),
    );

    test(
      'are not to be had from a reader by way of a transaction',
      opened(async (database) => {
        await assert.rejects(
          database.read.transaction().execute(async () => {}),
          /is a write/,
        );
      }),
    );
  });
}
