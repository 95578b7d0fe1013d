import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { run, succeed } from '#test/processes.ts';
import { OutOfSpace } from '../blob-store.ts';
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

/** Opens a store on a disk of its own; undefined, and the test skipped, where none can be had. */
async function openOnSmallDisk(context: TestContext, options: string) {
  const folder = await temporaryFolder(context);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).catch(
    () => undefined,
  );
  if (mounted?.code !== 0) {
    context.skip('mounting a tmpfs needs root');
    return undefined;
  }
  const store = await openFilesystemBlobStore({ folder });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await succeed('umount', [folder]);
    },
  };
}

describe('a full disk', () => {
  test('refuses what does not fit, keeps the rest, and works again with space', async (context) => {
    await using disk = await openOnSmallDisk(context, 'size=3m');
    if (disk === undefined) return;
    const { store } = disk;
    const early = await commit(store, bytesOf(512 * 1024, 1));
    const descriptors = (await readdir('/proc/self/fd')).length;

    const key = await store.begin();
    const bytes = bytesOf(6 * MiB, 2);
    const body = Readable.from(chunksOf(bytes));
    await assert.rejects(store.append(key, 0, body), OutOfSpace);
    assert.equal(body.destroyed, false, 'the rest of the request cannot be drained any more');
    assert.equal((await readdir('/proc/self/fd')).length, descriptors);

    const size = (await store.uploadSize(key)) ?? 0;
    assert.ok(size >= MiB && size < 3 * MiB, `${size} bytes kept`);
    assert.equal(await store.digest(key, 'sha256', size), digestOf(bytes.subarray(0, size)));
    await assert.rejects(upload(store, bytesOf(100_000)), OutOfSpace);
    assert.ok(bytesOf(512 * 1024, 1).equals(await contentOf(store, early)));

    await store.delete(early);
    const resumed = await store.append(key, size, chunksOf(bytes.subarray(size, size + 300_000)));
    assert.equal(resumed, size + 300_000);
    assert.equal(await store.digest(key, 'sha256', resumed), digestOf(bytes.subarray(0, resumed)));
    await store.commit(key, resumed);
    assert.ok(bytes.subarray(0, resumed).equals(await contentOf(store, key)));
  });

  test('that has no room for another file says so when an upload begins', async (context) => {
    await using disk = await openOnSmallDisk(context, 'size=8m,nr_inodes=300');
    if (disk === undefined) return;
    const { store } = disk;
    const begun: string[] = [];
    await assert.rejects(async () => {
      for (let n = 0; n < 300; n++) begun.push(await store.begin());
    }, OutOfSpace);
    await store.abort(begun.pop() ?? '');
    await store.begin();
  });
});
