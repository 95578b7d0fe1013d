import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { blobStoreSuite } from '../blob-store.suite.ts';
import { openFilesystemBlobStore } from './filesystem.ts';

blobStoreSuite('the filesystem blob store', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'berth-blobs-'));
  let store = await openFilesystemBlobStore({ folder });
  context.after(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openFilesystemBlobStore({ folder });
      return store;
    },
  };
});
