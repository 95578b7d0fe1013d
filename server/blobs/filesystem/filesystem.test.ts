import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { blobStoreSuite } from '../blob-store.suite.ts';
import {
  bytesOf,
  chunksOf,
  commit,
  contentOf,
  digestOf,
  MiB,
  upload,
} from '../conformance/support.ts';
import { openFilesystemBlobStore } from './filesystem.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

async function openIn(context: TestContext, folder: string) {
  const store = await openFilesystemBlobStore({ folder });
  context.after(() => store.close());
  return store;
}

blobStoreSuite('the filesystem blob store', async (context) => {
  const folder = await temporaryFolder(context);
  const store = await openIn(context, folder);
  return {
    store,
    async reopen() {
      await store.close();
      return await openIn(context, folder);
    },
  };
});

/** Resolves when a file that is written now gets a later time than `path` has. */
async function fileTimePasses(path: string): Promise<void> {
  const { ctimeMs } = await stat(path);
  const probe = join(path, '..', 'probe');
  do await writeFile(probe, '');
  while ((await stat(probe)).ctimeMs <= ctimeMs);
}

describe('files of the filesystem blob store', () => {
  test('lie where the layout says, closed to other users', async (context) => {
    const folder = join(await temporaryFolder(context), 'new', 'folder');
    const store = await openIn(context, folder);
    const blob = await commit(store, bytesOf(10));
    const open = await upload(store, bytesOf(20));
    assert.deepEqual((await readdir(folder)).sort(), ['blobs', 'uploads']);
    const blobFile = join(folder, 'blobs', blob.slice(0, 2), blob);
    assert.deepEqual(await readFile(blobFile), bytesOf(10));
    assert.deepEqual(await readFile(join(folder, 'uploads', open)), bytesOf(20));
    assert.equal((await stat(blobFile)).mode & 0o777, 0o600);
    for (const path of ['', 'blobs', 'uploads', `blobs/${blob.slice(0, 2)}`]) {
      assert.equal((await stat(join(folder, path))).mode & 0o777, 0o700, path);
    }
  });

  test('that are not of the store are not listed', async (context) => {
    const folder = await temporaryFolder(context);
    const store = await openIn(context, folder);
    await writeFile(join(folder, 'uploads', 'lost+found'), '');
    await writeFile(join(folder, 'blobs', 'ab', 'ab.partial'), '');
    assert.deepEqual(await Array.fromAsync(store.list()), []);
    assert.deepEqual(await Array.fromAsync(store.listUploads()), []);
  });

  test('are never reached by a key in another spelling', async (context) => {
    const store = await openIn(context, await temporaryFolder(context));
    const key = await commit(store, bytesOf(10));
    for (const spelling of [`${key}\n`, key.toUpperCase(), `./${key}`, key.slice(1), `${key}0`]) {
      if (spelling === key) continue;
      await assert.rejects(store.size(spelling), TypeError);
    }
  });

  test('that another process rewrote are hashed anew', async (context) => {
    const folder = await temporaryFolder(context);
    const one = await openIn(context, folder);
    const other = await openIn(context, folder);
    for (const size of [100, 2 * MiB]) {
      const key = await upload(one, bytesOf(size, 1));
      await fileTimePasses(join(folder, 'uploads', key));
      await other.append(key, 0, chunksOf(bytesOf(size, 2)));
      assert.equal(await one.digest(key, 'sha256', size), digestOf(bytesOf(size, 2)));
      await one.append(key, size, chunksOf(bytesOf(10)));
      assert.equal(
        await one.digest(key, 'sha256', size + 10),
        digestOf(Buffer.concat([bytesOf(size, 2), bytesOf(10)])),
      );
    }
  });

  test('are all closed, whatever breaks', async (context) => {
    const store = await openIn(context, await temporaryFolder(context));
    const descriptors = async () => (await readdir('/proc/self/fd')).length;
    const key = await commit(store, bytesOf(4 * MiB));
    // The thread of uploads brings descriptors of its own.
    await store.digest(await upload(store, bytesOf(2 * MiB)), 'sha512', 2 * MiB);
    const before = await descriptors();
    for (let round = 0; round < 5; round++) {
      const broken = await store.begin();
      const source = async function* () {
        yield bytesOf(3 * MiB);
        throw new Error('gone');
      };
      await assert.rejects(store.append(broken, 0, source()));
      await assert.rejects(store.append(broken, 5 * MiB, source()));
      await assert.rejects(store.commit(broken, 9 * MiB));
      const failing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('gone')) });
      await assert.rejects(store.send(key, { first: 0, last: 4 * MiB - 1 }, failing));
      await assert.rejects(
        store.send(
          key,
          { first: 0, last: 9 * MiB },
          new Writable({
            write: (_chunk, _encoding, done) => done(),
          }),
        ),
      );
      const reader = await store.read(key);
      reader.destroy();
      await new Promise((resolve) => reader.once('close', resolve));
    }
    assert.equal(await descriptors(), before);
  });

  test('outlast the store: a blob that is being read is read to its end', async (context) => {
    const store = await openIn(context, await temporaryFolder(context));
    const key = await commit(store, bytesOf(4 * MiB));
    const reading = contentOf(store, key);
    await store.close();
    assert.ok(bytesOf(4 * MiB).equals(await reading));
  });

  test('cannot be made below something that is no folder', async (context) => {
    const folder = await temporaryFolder(context);
    await writeFile(join(folder, 'file'), '');
    await assert.rejects(openFilesystemBlobStore({ folder: join(folder, 'file', 'blobs') }), {
      code: 'ENOTDIR',
    });
  });

  test('take a body from a stream that the caller goes on reading after a refusal', async (context) => {
    const store = await openIn(context, await temporaryFolder(context));
    const key = await store.begin();
    const body = Readable.from(chunksOf(bytesOf(MiB)));
    await assert.rejects(store.append(key, 1, body), RangeError);
    assert.equal(body.destroyed, false);
    assert.equal((await body.toArray()).length, 16);
  });
});
