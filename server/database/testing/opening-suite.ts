import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { openedIn, type Place, rejection, secret, secretNames } from './places.ts';
import { addSecret, addUpload, becomeNewer } from './suite-writes.ts';

/** What is true of a database that is opened again, for every implementation. */
export function openingSuite(name: string, makePlace: () => Promise<Place>): void {
  const opened = openedIn(makePlace);

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
}
