import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { sharedSecret } from '../secrets.ts';
import { every, type Opened, rejection } from './places.ts';

/** What shared secrets promise, for every implementation. */
export function sharedSecretsSuite(name: string, opened: Opened): void {
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
