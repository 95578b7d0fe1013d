import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { every, type Opened } from './places.ts';
import {
  addBlob,
  addManifest,
  addRepository,
  addSecret,
  removeBlob,
  removeRepository,
} from './suite-writes.ts';

/** What is kept as it is, and what is refused, for every implementation. */
export function tablesSuite(name: string, opened: Opened): void {
  describe(`values of ${name}`, () => {
    test(
      'keep bytes as they are, none and 4 MiB of them included',
      opened(async (database) => {
        const kept = [new Uint8Array(), Uint8Array.of(0), every(256), large()];
        for (const [index, sealed] of kept.entries()) {
          await database.write(addSecret, { name: `bytes-${index}`, sealed });
        }
        const rows = await database.read
          .selectFrom('secrets')
          .select('sealed')
          .orderBy('name')
          .execute();
        rows.forEach((row, index) => {
          assert.equal(row.sealed.constructor, Uint8Array);
          assert.equal(Buffer.compare(row.sealed, kept[index] ?? assert.fail()), 0);
        });
        assert.equal(rows.length, kept.length);
      }),
    );

    test(
      'keep bytes that are a view of a larger buffer',
      opened(async (database) => {
        await database.write(addSecret, {
          name: 'view',
          sealed: Buffer.from('--view--').subarray(2, 6),
        });
        const row = await database.read.selectFrom('secrets').select('sealed').executeTakeFirst();
        assert.deepEqual(row?.sealed, new TextEncoder().encode('view'));
      }),
    );

    test(
      'keep a manifest of 4 MiB',
      opened(async (database) => {
        const repository = await database.write(addRepository, { name: 'library/app' });
        const bytes = large();
        await database.write(addManifest, { repository, digest: 'sha256:a', bytes, tags: [] });
        const row = await database.read
          .selectFrom('manifests')
          .select(['bytes', 'size'])
          .executeTakeFirstOrThrow();
        assert.equal(row.size, 4 * 1024 * 1024);
        assert.equal(Buffer.compare(row.bytes, bytes), 0);
      }),
    );

    test(
      'are numbers, whether stored, counted, summed or compared',
      opened(async (database) => {
        await database.write(addBlob, { digest: 'sha256:a', key: 'a', state: 'live' });
        await database.write(addBlob, { digest: 'sha256:b', key: 'b', state: 'live' });
        const row = await database.read
          .selectFrom('blobs')
          .select((eb) => [
            eb.fn.max('size').as('largest'),
            eb.fn.countAll().as('count'),
            eb.fn.sum('size').as('total'),
            sql<number>`exists (select 1 from blobs)`.as('any'),
          ])
          .executeTakeFirstOrThrow();
        assert.deepEqual(row, { largest: 2 ** 40, count: 2, total: 2 ** 41, any: 1 });
      }),
    );

    test(
      'of names are ordered by their bytes',
      opened(async (database) => {
        const repository = await database.write(addRepository, { name: 'library/app' });
        const tags = [
          'b',
          'a',
          'B',
          '_',
          'Z',
          '-',
          '10',
          '9',
          'é',
          'z',
          '日本',
          '\u{1f600}',
          '\ufffd',
        ];
        await database.write(addManifest, {
          repository,
          digest: 'sha256:a',
          bytes: new Uint8Array(),
          tags,
        });
        const byBytes = tags.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const all = await database.read.selectFrom('tags').select('name').orderBy('name').execute();
        assert.deepEqual(
          all.map((tag) => tag.name),
          byBytes,
        );
        const after = await database.read
          .selectFrom('tags')
          .select('name')
          .where('name', '>', 'Z')
          .orderBy('name')
          .limit(3)
          .execute();
        assert.deepEqual(
          after.map((tag) => tag.name),
          ['_', 'a', 'b'],
        );
      }),
    );
  });

  describe(`tables of ${name}`, () => {
    test(
      'refuse a second row of a unique name',
      opened(async (database) => {
        const repository = await database.write(addRepository, { name: 'library/app' });
        await assert.rejects(database.write(addRepository, { name: 'library/app' }), /unique/i);
        const manifest = { repository, digest: 'sha256:a', bytes: new Uint8Array() };
        await database.write(addManifest, { ...manifest, tags: ['latest'] });
        await assert.rejects(database.write(addManifest, { ...manifest, tags: [] }), /unique/i);
        const other = { ...manifest, digest: 'sha256:b' };
        await assert.rejects(
          database.write(addManifest, { ...other, tags: ['latest'] }),
          /unique/i,
        );
      }),
    );

    test(
      'hold one live blob of a digest, and any number that are being deleted',
      opened(async (database) => {
        const digest = 'sha256:a';
        await database.write(addBlob, { digest, key: '1', state: 'deleting' });
        await database.write(addBlob, { digest, key: '2', state: 'deleting' });
        await database.write(addBlob, { digest, key: '3', state: 'live' });
        await assert.rejects(
          database.write(addBlob, { digest, key: '4', state: 'live' }),
          /unique/i,
        );
      }),
    );

    test(
      'never give an identity twice',
      opened(async (database) => {
        const first = await database.write(addBlob, { digest: 'a', key: '1', state: 'live' });
        assert.equal(await database.write(removeBlob, { id: first }), 1);
        const second = await database.write(addBlob, { digest: 'a', key: '2', state: 'live' });
        assert.notEqual(second, first);
      }),
    );

    test(
      'lose with a repository what it owns',
      opened(async (database) => {
        const repository = await database.write(addRepository, { name: 'library/app' });
        await database.write(addManifest, {
          repository,
          digest: 'sha256:a',
          bytes: new Uint8Array(),
          tags: ['one', 'two'],
        });
        await database.write(removeRepository, { id: repository });
        assert.deepEqual(await database.read.selectFrom('manifests').selectAll().execute(), []);
        assert.deepEqual(await database.read.selectFrom('tags').selectAll().execute(), []);
      }),
    );

    test(
      'refuse a row whose parent does not exist',
      opened(async (database) => {
        const manifest = { digest: 'sha256:a', bytes: new Uint8Array(), tags: [] };
        await assert.rejects(
          database.write(addManifest, { ...manifest, repository: 7 }),
          /foreign key/i,
        );
      }),
    );
  });
}

function large(): Uint8Array {
  return new Uint8Array(randomBytes(4 * 1024 * 1024));
}
