import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { UploadUnknown } from '../blob-store.ts';
import { bytesOf, chunksOf, contentOf, digestOf, MiB, type OpenStore, upload } from './support.ts';

export function describeUploads(open: OpenStore): void {
  describe('an upload', () => {
    for (const size of [
      0,
      1,
      255,
      65_536,
      256 * 1024,
      256 * 1024 + 1,
      MiB,
      MiB + 1,
      3 * MiB + 17,
    ]) {
      test(`of ${size} bytes has their digest and keeps them, in chunks of any size`, async (context) => {
        const { store } = await open(context);
        const bytes = bytesOf(size);
        for (const chunk of [4093, 65_536, MiB + 5]) {
          const key = await store.begin();
          assert.equal(await store.append(key, 0, chunksOf(bytes, chunk)), size);
          assert.equal(await store.uploadSize(key), size);
          assert.equal(await store.digest(key, 'sha256', size), digestOf(bytes));
          assert.equal(await store.digest(key, 'sha512', size), digestOf(bytes, 'sha512'));
          await store.commit(key, size);
          assert.ok(bytes.equals(await contentOf(store, key)));
        }
      });
    }

    test('gets a key of its own, of letters, digits, - and /', async (context) => {
      const { store } = await open(context);
      const keys = await Promise.all(Array.from({ length: 100 }, () => store.begin()));
      assert.equal(new Set(keys).size, 100);
      for (const key of keys) assert.match(key, /^[A-Za-z0-9/-]+$/);
    });

    test('of one byte a chunk is kept', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(5000);
      const key = await store.begin();
      await store.append(key, 0, chunksOf(bytes, 1));
      assert.equal(await store.digest(key, 'sha256', 5000), digestOf(bytes));
    });

    test('grows by appends, small and large, and tells its digest after each', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(6 * MiB);
      const key = await store.begin();
      let end = 0;
      for (const length of [10, 300_000, 0, 2 * MiB, 1, 40_000, 2 * MiB]) {
        const piece = bytes.subarray(end, end + length);
        assert.equal(await store.append(key, end, chunksOf(piece)), end + length);
        end += length;
        assert.equal(await store.digest(key, 'sha256', end), digestOf(bytes.subarray(0, end)));
      }
      await store.commit(key, end);
      assert.ok(bytes.subarray(0, end).equals(await contentOf(store, key)));
    });

    test('tells the digest of its first bytes alone', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(MiB);
      const key = await upload(store, bytes);
      assert.equal(await store.digest(key, 'sha256', 1000), digestOf(bytes.subarray(0, 1000)));
      assert.equal(await store.digest(key, 'sha256', MiB), digestOf(bytes));
    });

    for (const size of [1000, 5 * MiB + 3]) {
      test(`whose source fails after ${size} bytes keeps them and goes on from there`, async (context) => {
        const { store } = await open(context);
        const bytes = bytesOf(size + 2 * MiB);
        const key = await store.begin();
        const broken = async function* () {
          yield* chunksOf(bytes.subarray(0, size));
          throw new Error('the client has gone');
        };
        await assert.rejects(store.append(key, 0, broken()), /the client has gone/);
        assert.equal(await store.uploadSize(key), size);
        assert.equal(await store.digest(key, 'sha256', size), digestOf(bytes.subarray(0, size)));
        await store.append(key, size, chunksOf(bytes.subarray(size)));
        assert.equal(await store.digest(key, 'sha256', bytes.length), digestOf(bytes));
      });

      test(`overwrites what a broken attempt left of ${size} bytes`, async (context) => {
        const { store } = await open(context);
        const wanted = bytesOf(700, 2);
        const key = await upload(store, bytesOf(size, 1));
        assert.equal(await store.append(key, 300, chunksOf(wanted.subarray(300))), 700);
        const kept = Buffer.concat([bytesOf(size, 1).subarray(0, 300), wanted.subarray(300)]);
        assert.equal(await store.uploadSize(key), 700);
        assert.equal(await store.digest(key, 'sha256', 700), digestOf(kept));
        assert.equal(await store.append(key, 0, chunksOf(wanted)), 700);
        assert.equal(await store.digest(key, 'sha256', 700), digestOf(wanted));
        await store.commit(key, 700);
        assert.ok(wanted.equals(await contentOf(store, key)));
      });

      test(`of ${size} bytes outlives a restart, digests and all`, async (context) => {
        const fixture = await open(context);
        const bytes = bytesOf(size + 100);
        const key = await upload(fixture.store, bytes.subarray(0, size));
        const store = await fixture.reopen();
        assert.equal(await store.uploadSize(key), size);
        assert.equal(await store.digest(key, 'sha256', size), digestOf(bytes.subarray(0, size)));
        await store.append(key, size, chunksOf(bytes.subarray(size)));
        assert.equal(await store.digest(key, 'sha256', bytes.length), digestOf(bytes));
        assert.equal(await store.digest(key, 'sha512', bytes.length), digestOf(bytes, 'sha512'));
      });
    }

    test('has copied a chunk by the time it asks for the next', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(4 * MiB);
      const key = await store.begin();
      const reused = Buffer.alloc(50_000);
      const source = async function* () {
        for await (const chunk of chunksOf(bytes, reused.length)) {
          reused.set(chunk);
          yield reused.subarray(0, chunk.length);
          reused.fill(0);
        }
      };
      await store.append(key, 0, source());
      assert.equal(await store.digest(key, 'sha256', bytes.length), digestOf(bytes));
    });

    test('takes a stream, and a stream that is destroyed', async (context) => {
      const { store } = await open(context);
      const key = await store.begin();
      await store.append(key, 0, Readable.from(chunksOf(bytesOf(100_000))));
      const stream = new Readable({ read() {} });
      const appended = store.append(key, 100_000, stream);
      stream.push(bytesOf(10));
      while (stream.readableLength > 0) await turn();
      stream.destroy();
      await assert.rejects(appended);
      assert.equal(await store.uploadSize(key), 100_010);
    });

    test('refuses an offset beyond its end, or that is none, and stays as it was', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(1000);
      const key = await upload(store, bytes);
      for (const offset of [1001, -1, 0.5, Number.NaN, 2 ** 60]) {
        await assert.rejects(store.append(key, offset, chunksOf(bytes)), RangeError);
      }
      assert.equal(await store.uploadSize(key), 1000);
      assert.equal(await store.digest(key, 'sha256', 1000), digestOf(bytes));
    });

    test('refuses to be digested or committed beyond its end', async (context) => {
      const { store } = await open(context);
      const key = await upload(store, bytesOf(1000));
      await assert.rejects(store.digest(key, 'sha256', 1001), RangeError);
      await assert.rejects(store.commit(key, 1001), RangeError);
      assert.equal(await store.uploadSize(key), 1000);
      assert.equal(await store.size(key), undefined);
    });

    test('is written by one append at a time, and by none during its commit', async (context) => {
      const { store } = await open(context);
      const bytes = bytesOf(2 * MiB);
      const key = await store.begin();
      const asked = Promise.withResolvers<void>();
      const more = Promise.withResolvers<void>();
      const source = async function* () {
        yield bytes.subarray(0, MiB);
        asked.resolve();
        await more.promise;
        yield bytes.subarray(MiB);
      };
      const first = store.append(key, 0, source());
      await asked.promise;
      await assert.rejects(store.append(key, 0, chunksOf(bytesOf(10))), /still being written/);
      await assert.rejects(store.commit(key, 0), /still being written/);
      more.resolve();
      assert.equal(await first, bytes.length);
      assert.equal(await store.digest(key, 'sha256', bytes.length), digestOf(bytes));

      const committed = store.commit(key, bytes.length);
      await assert.rejects(store.append(key, 0, chunksOf(bytesOf(10))), /written or committed/);
      await committed;
      assert.ok(bytes.equals(await contentOf(store, key)));
    });

    test('that is unknown has no size, and refuses everything else', async (context) => {
      const { store } = await open(context);
      const key = await upload(store, bytesOf(10));
      await store.abort(key);
      await store.abort(key);
      assert.equal(await store.uploadSize(key), undefined);
      await assert.rejects(store.append(key, 0, chunksOf(bytesOf(1))), UploadUnknown);
      await assert.rejects(store.digest(key, 'sha256', 0), UploadUnknown);
      await assert.rejects(store.commit(key, 0), UploadUnknown);
      assert.equal(await store.size(key), undefined);
    });

    test('that is aborted while it is written never becomes a blob', async (context) => {
      const { store } = await open(context);
      const key = await store.begin();
      const source = async function* () {
        yield bytesOf(MiB);
        await store.abort(key);
        yield bytesOf(MiB);
      };
      await Promise.allSettled([store.append(key, 0, source())]);
      await assert.rejects(store.commit(key, 2 * MiB), UploadUnknown);
      assert.equal(await store.size(key), undefined);
    });
  });
}
