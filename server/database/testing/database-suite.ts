import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import type { Database } from '../database.ts';
import { sharedSecret } from '../secrets.ts';
import { rememberedSuite } from './remembered-suite.ts';
import {
  addBlob,
  addManifest,
  addRepository,
  addSecret,
  addThenRefuse,
  addThenRefuseManifest,
  addTwice,
  addUpload,
  becomeNewer,
  countUp,
  leaveStatementBehind,
  removeBlob,
  removeRepository,
  unregistered,
} from './suite-writes.ts';

/** Somewhere empty that a database can be opened in again and again. */
export interface Place {
  open(): Promise<Database>;
  remove(): Promise<void>;
}

/** The promises of `Database`, for every implementation. `makePlace` is asked once a test. */
export function databaseSuite(name: string, makePlace: () => Promise<Place>): void {
  const opened = (run: (database: Database, place: Place) => Promise<void>) => async () => {
    const place = await makePlace();
    try {
      const database = await place.open();
      try {
        await run(database, place);
      } finally {
        await database.close();
      }
    } finally {
      await place.remove();
    }
  };

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

  describe(`a snapshot of ${name}`, () => {
    test(
      'stays as it was whatever is written meanwhile, and cannot be used afterwards',
      opened(async (database) => {
        await database.write(addSecret, { name: 'before', sealed: new Uint8Array(1) });
        const namesIn = async (read: Database['read']) => {
          const rows = await read.selectFrom('secrets').select('name').execute();
          return rows.map((row) => row.name);
        };
        const reader = await database.snapshot(async (read) => {
          await database.write(addSecret, { name: 'meanwhile', sealed: new Uint8Array(1) });
          assert.deepEqual(await namesIn(read), ['before']);
          assert.deepEqual(await namesIn(database.read), ['before', 'meanwhile']);
          return read;
        });
        await assert.rejects(namesIn(reader), /after the transaction had ended/);
        assert.deepEqual(await database.snapshot(namesIn), ['before', 'meanwhile']);
      }),
    );

    test(
      'that fails passes its error on, and the next one works',
      opened(async (database) => {
        const failing = database.snapshot(async () => {
          throw new Refusal('conflict', 'not now');
        });
        await assert.rejects(failing, Refusal);
        assert.equal(await database.snapshot(async () => 'done'), 'done');
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

  describe(`prepared queries of ${name}`, () => {
    test(
      'answer the first row, or undefined, whatever the order of their arguments',
      opened(async (database) => {
        const find = database.prepare<[number, string], { name: string; one: number }>(
          (read, placeholder) =>
            read
              .selectFrom('secrets')
              .select(['name', sql<number>`1`.as('one')])
              .where('name', '=', placeholder<string>(1))
              .where('created_at', '<=', placeholder<number>(0))
              .where('name', '!=', 'never'),
        );
        assert.equal(await find(1, 'a'), undefined);
        await database.write(addSecret, secret('a'));
        assert.deepEqual(await find(1, 'a'), { name: 'a', one: 1 });
        assert.equal(await find(0, 'a'), undefined);
        assert.equal(await find(1, 'b'), undefined);
      }),
    );

    test(
      'see every write that was acknowledged before',
      opened(async (database) => {
        const count = database.prepare<[], { count: number }>((read) =>
          read.selectFrom('secrets').select((eb) => eb.fn.countAll<number>().as('count')),
        );
        for (let expected = 0; expected < 20; expected++) {
          assert.deepEqual(await count(), { count: expected });
          await database.write(addSecret, secret(`secret-${expected}`));
        }
      }),
    );
  });

  rememberedSuite(name, opened);

  describe(`opening ${name}`, () => {
    test(
      'again finds what was written',
      opened(async (database, place) => {
        await database.write(addSecret, secret('kept'));
        await database.write(addUpload, { id: 'open' });
        const again = await place.open();
        try {
          assert.deepEqual(await secretNames(again), ['kept']);
          const uploads = await again.read.selectFrom('uploads').select('id').execute();
          assert.deepEqual(uploads, [{ id: 'open' }]);
        } finally {
          await again.close();
        }
      }),
    );

    test(
      'a schema that a newer program made is refused with what to do',
      opened(async (database, place) => {
        await database.write(becomeNewer, { durability: 'durable' });
        const error = await rejection(place.open());
        assert(error instanceof Refusal);
        assert.equal(error.kind, 'unavailable');
        assert.match(error.message, /schema version 9999.*newer Berth.*berth restore/);
      }),
    );

    test('several times at once migrates once', async () => {
      const place = await makePlace();
      try {
        const databases = await Promise.all([place.open(), place.open(), place.open()]);
        await Promise.all(databases.map((it, index) => it.write(addSecret, secret(`${index}`))));
        for (const it of databases) assert.deepEqual(await secretNames(it), ['0', '1', '2']);
        await Promise.all(databases.map((it) => it.close()));
      } finally {
        await place.remove();
      }
    });
  });

  describe(`shared secrets of ${name}`, () => {
    const key = randomBytes(32);

    test(
      'are made once, whoever asks first, and stay the same',
      opened(async (database, place) => {
        const other = await place.open();
        try {
          const asked = [database, other, database, other].map((it) =>
            sharedSecret(it, key, 'tokens', () => new Uint8Array(randomBytes(64))),
          );
          const [first, ...rest] = await Promise.all(asked);
          for (const secret of rest) assert.deepEqual(secret, first);
          assert.equal(first?.length, 64);
          const later = await sharedSecret(other, key, 'tokens', () => assert.fail('made again'));
          assert.deepEqual(later, first);
          const another = await sharedSecret(other, key, 'sessions', () => every(64));
          assert.notDeepEqual(another, first);
        } finally {
          await other.close();
        }
      }),
    );

    test(
      'are not stored as they are',
      opened(async (database) => {
        const plain = await sharedSecret(database, key, 'tokens', () => every(64));
        const row = await database.read.selectFrom('secrets').selectAll().executeTakeFirstOrThrow();
        assert.equal(Buffer.from(row.sealed).includes(plain), false);
      }),
    );

    test(
      'do not open under another key, and say which setting is wrong',
      opened(async (database) => {
        await sharedSecret(database, key, 'tokens', () => every(64));
        const error = await rejection(
          sharedSecret(database, randomBytes(32), 'tokens', () => every(64)),
        );
        assert(error instanceof Refusal);
        assert.match(error.message, /tokens.*BERTH_SECRET_KEY/);
      }),
    );
  });
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail('it resolved'),
    (error: unknown) => error,
  );
}

export async function secretNames(database: Database): Promise<string[]> {
  const rows = await database.read.selectFrom('secrets').select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
}

export function secret(name: string): { name: string; sealed: Uint8Array } {
  return { name, sealed: Uint8Array.of(1) };
}

function every(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}

function large(): Uint8Array {
  return new Uint8Array(randomBytes(4 * 1024 * 1024));
}
