import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { BlobLost, UploadUnknown } from '../blob-store.ts';
import {
  bytesOf,
  chunksOf,
  commit,
  contentOf,
  digestOf,
  MiB,
  type OpenStore,
  sentBytes,
  upload,
} from './support.ts';

const hostileKeys = [
  '',
  '.',
  '..',
  '../blobs',
  '/etc/passwd',
  'a/../../b',
  '%2e%2e%2fx',
  'x\0y',
  'x'.repeat(5000),
];

export function describeBlobs(open: OpenStore): void {
  describe('a blob', () => {
    test('can be read from its commit on, and not before', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(1000);
      const key = await upload(store, bytes);
      assert.equal(await store.size(key), undefined);
      await assert.rejects(store.read(key), BlobLost);
      await assert.rejects(sentBytes(store, key, { first: 0, last: 0 }), BlobLost);
      assert.deepEqual(await Array.fromAsync(store.list()), []);

      await store.commit(key, 1000);
      assert.equal(await store.size(key), 1000);
      assert.ok(bytes.equals(await contentOf(store, key)));
      assert.equal(await store.uploadSize(key), undefined);
      assert.deepEqual(await Array.fromAsync(store.listUploads()), []);
      await assert.rejects(store.append(key, 0, chunksOf(bytes)), UploadUnknown);
      await assert.rejects(store.digest(key, 'sha256', 1000), UploadUnknown);
    });

    test('holds the bytes that its commit names, and no more', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(3 * MiB);
      const key = await upload(store, bytes);
      await store.commit(key, MiB + 1);
      assert.equal(await store.size(key), MiB + 1);
      assert.ok(bytes.subarray(0, MiB + 1).equals(await contentOf(store, key)));
    });

    test('is committed twice without harm, after a restart too, but in one size only', async (context) => {
      const fixture = await open(context);
      const bytes = bytesOf(1000);
      const key = await commit(fixture.store, bytes);
      await fixture.store.commit(key, 1000);
      const store = await fixture.reopen();
      await store.commit(key, 1000);
      await assert.rejects(store.commit(key, 999), UploadUnknown);
      assert.ok(bytes.equals(await contentOf(store, key)));
    });

    test('is still there after a restart', async (context) => {
      const fixture = await open(context);
      const bytes = bytesOf(2 * MiB);
      const key = await commit(fixture.store, bytes);
      const store = await fixture.reopen();
      assert.equal(await store.size(key), bytes.length);
      assert.ok(bytes.equals(await contentOf(store, key)));
    });

    test('is not touched when its upload is aborted too late', async (context) => {
      const { store } = await open(context);
      const key = await commit(store, bytesOf(1000));
      await store.abort(key);
      assert.equal(await store.size(key), 1000);
    });

    test('is gone once deleted; deleting it again is harmless; its neighbours stay', async (context) => {
      const { store } = await open(context);
      const key = await commit(store, bytesOf(1000));
      const neighbour = await commit(store, bytesOf(1000));
      await store.delete(key);
      await store.delete(key);
      assert.equal(await store.size(key), undefined);
      await assert.rejects(store.read(key), BlobLost);
      await assert.rejects(sentBytes(store, key, { first: 0, last: 0 }), BlobLost);
      assert.equal(await store.size(neighbour), 1000);
    });

    test('has the key that a restore gives, after an attempt that was broken off too', async (context) => {
      const { store } = await open(context);
      const key = await commit(store, bytesOf(1000));
      await store.delete(key);
      const bytes = bytesOf(2000, 2);
      for (const attempt of ['broken off', 'whole']) {
        assert.equal(await store.begin(key), key);
        assert.equal(await store.uploadSize(key), 0);
        await store.append(key, 0, chunksOf(bytes.subarray(0, attempt === 'whole' ? 2000 : 900)));
      }
      assert.equal(await store.digest(key, 'sha256', 2000), digestOf(bytes));
      await store.commit(key, 2000);
      assert.ok(bytes.equals(await contentOf(store, key)));
      await assert.rejects(store.begin('../outside'), TypeError);
    });

    test('is rehashed as it is now, by either algorithm, and named when it is gone', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(3 * MiB + 1);
      const key = await commit(store, bytes);
      const empty = await commit(store, bytesOf(0));
      for (const algorithm of ['sha256', 'sha512'] as const) {
        assert.deepEqual(await store.rehash(key, algorithm), {
          size: bytes.length,
          digest: digestOf(bytes, algorithm),
        });
        assert.deepEqual(await store.rehash(empty, algorithm), {
          size: 0,
          digest: digestOf(bytesOf(0), algorithm),
        });
      }
      await store.delete(key);
      await assert.rejects(store.rehash(key, 'sha256'), BlobLost);
    });

    test('of 64 MiB is what was sent', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(64 * MiB);
      const key = await upload(store, bytes);
      const digest = digestOf(bytes);
      assert.equal(await store.digest(key, 'sha256', bytes.length), digest);
      await store.commit(key, bytes.length);
      const hash = createHash('sha256');
      for await (const chunk of await store.read(key)) hash.update(chunk);
      assert.equal(`sha256:${hash.digest('hex')}`, digest);
    });

    test('is never mixed with another: 50 uploads and sends at once', async (context) => {
      const { store } = await open(context);
      const blobs = Array.from({ length: 50 }, (_, n) => bytesOf(1 + n * 61_001, n + 1));
      const keys = await Promise.all(
        blobs.map(async (bytes) => {
          const key = await upload(store, bytes);
          assert.equal(await store.digest(key, 'sha256', bytes.length), digestOf(bytes));
          await store.commit(key, bytes.length);
          return key;
        }),
      );
      await Promise.all(
        blobs.map(async (bytes, n) => {
          const key = keys[n] ?? '';
          const [sent, again] = await Promise.all([
            sentBytes(store, key, { first: 0, last: bytes.length - 1 }),
            contentOf(store, key),
            commit(store, bytes),
          ]);
          assert.ok(bytes.equals(sent));
          assert.ok(bytes.equals(again));
        }),
      );
    });
  });

  describe('a list', () => {
    test('names every blob and every open upload once, with its time', async (context) => {
      const fixture = await open(context);
      const before = Date.now();
      const sizes = new Map<string, number>();
      for (let n = 0; n < 20; n++) sizes.set(await commit(fixture.store, bytesOf(n, n)), n);
      const open_ = [await fixture.store.begin(), await upload(fixture.store, bytesOf(10))];

      const store = await fixture.reopen();
      const blobs = await Array.fromAsync(store.list());
      const uploads = await Array.fromAsync(store.listUploads());
      assert.equal(blobs.length, 20);
      assert.deepEqual(new Map(blobs.map(({ key, size }) => [key, size])), sizes);
      assert.deepEqual(uploads.map(({ key }) => key).sort(), open_.sort());
      for (const { modifiedAt } of [...blobs, ...uploads]) {
        // Stores may count whole seconds, by a clock of their own.
        assert.ok(modifiedAt >= before - 2000 && modifiedAt <= Date.now() + 2000);
      }
    });
  });

  describe('a key that the store cannot have given', () => {
    for (const key of hostileKeys) {
      test(`${JSON.stringify(key.slice(0, 20))} is refused by every method`, async (context) => {
        const { store } = await open(context);
        const kept = await commit(store, bytesOf(10));
        let asked = false;
        const source = async function* () {
          asked = true;
          yield bytesOf(10);
        };
        const range = { first: 0, last: 0 };
        await assert.rejects(store.append(key, 0, source()), TypeError);
        await assert.rejects(store.uploadSize(key), TypeError);
        await assert.rejects(store.digest(key, 'sha256', 0), TypeError);
        await assert.rejects(store.commit(key, 0), TypeError);
        await assert.rejects(store.abort(key), TypeError);
        await assert.rejects(store.size(key), TypeError);
        await assert.rejects(sentBytes(store, key, range), TypeError);
        await assert.rejects(store.read(key), TypeError);
        await assert.rejects(store.delete(key), TypeError);
        assert.equal(asked, false);
        assert.deepEqual(
          (await Array.fromAsync(store.list())).map((blob) => blob.key),
          [kept],
        );
      });
    }
  });
}
