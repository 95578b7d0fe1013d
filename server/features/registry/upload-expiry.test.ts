import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BlobStore } from '#server/blobs/blob-store.ts';
import { openFilesystemBlobStore } from '#server/blobs/filesystem/filesystem.ts';
import type { Database } from '#server/database/database.ts';
import { createRegistryQueries } from './queries.ts';
import { blobOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';
import { createUploadExpiry, type UploadExpiry } from './upload-expiry.ts';
import { leaseUpload, releaseUpload } from './writes/uploads.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

onEveryDatabase('an upload that nobody goes on with', (registry) => {
  let database: Database;
  let store: BlobStore;
  let expiry: UploadExpiry;
  let folder = '';
  let now = 0;
  before(async () => {
    folder = join(registry.server.folder, 'uploads');
    database = await registry.database();
    store = await openFilesystemBlobStore({ folder: registry.server.folder });
    const queries = createRegistryQueries(database);
    expiry = createUploadExpiry({ database, queries, store, now: () => now });
  });
  after(() => store.close());

  const idOf = (upload: string) => upload.split('/').at(-1) ?? '';

  async function begun(): Promise<string> {
    const upload = await registry.beginUpload('team/app');
    const patch = await registry.call(upload, { method: 'PATCH', body: blobOf(100).bytes });
    expectStatus(patch, 202);
    return upload;
  }

  test('is forgotten with its bytes after the time given, and not before', async () => {
    const upload = await begun();
    now = Date.now() + day - hour;
    assert.equal(await expiry.expire(day), 0);
    expectStatus(await registry.call(upload), 204);
    now += 2 * hour;
    assert.equal(await expiry.expire(day), 1);
    expectRefusal(await registry.call(upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    assert.deepEqual(readdirSync(folder), []);
  });

  test('is kept while a request holds it, and for the time after', async () => {
    const upload = await begun();
    const id = idOf(upload);
    now = Date.now() + 2 * day;
    const lease = { id, repository: 'team/app', leaseUntil: now + hour, now };
    assert.notEqual(await database.write(leaseUpload, lease), 'busy');
    assert.equal(await expiry.expire(day), 0);
    await database.write(releaseUpload, { id, offset: 100, now });
    now += day - hour;
    assert.equal(await expiry.expire(day), 0);
    expectStatus(await registry.call(upload), 204);
    now += 2 * hour;
    assert.equal(await expiry.expire(day), 1);
  });

  test('whose record a crash lost leaves no bytes either', async () => {
    const orphan = await store.begin();
    const upload = await begun();
    now = Date.now() + day - hour;
    assert.equal(await expiry.expire(day), 0);
    assert.ok(readdirSync(folder).includes(orphan));
    now = Date.now() + day + hour;
    await database.write(releaseUpload, { id: idOf(upload), offset: 100, now });
    assert.equal(await expiry.expire(day), 1);
    assert.equal(readdirSync(folder).length, 1, 'the bytes of an upload that goes on stay');
    assert.ok(!readdirSync(folder).includes(orphan));
    expectStatus(await registry.call(upload), 204);
    expectStatus(await registry.call(upload, { method: 'DELETE' }), 204);
  });

  test('is forgotten among very many', async () => {
    for (let begun = 0; begun < 1_100; begun += 50) {
      await Promise.all(Array.from({ length: 50 }, () => registry.beginUpload('team/app')));
    }
    now = Date.now() + day + hour;
    assert.equal(await expiry.expire(day), 1_100);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('is forgotten as soon as the timer runs, and a stop waits for it', async () => {
    const upload = await begun();
    now = Date.now() + day + hour;
    const failures: unknown[] = [];
    const timed = createUploadExpiry({
      database,
      queries: createRegistryQueries(database),
      store,
      now: () => now,
    });
    timed.start({ reportFailure: (error) => failures.push(error) });
    await timed.stop();
    expectRefusal(await registry.call(upload), 404, 'BLOB_UPLOAD_UNKNOWN');
    assert.deepEqual(failures, []);
  });
});
