import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobOf, type Content, imageOf } from './testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from './testing/registry.suite.ts';
import { markBlobFound, markBlobLost } from './writes.ts';

onEveryDatabase('a blob whose bytes were lost', (registry) => {
  const pathOf = (repository: string, { digest }: Content) => `/v2/${repository}/blobs/${digest}`;
  const mount = (repository: string, { digest }: Content, source: string) =>
    registry.call(`/v2/${repository}/blobs/uploads/?mount=${digest}&from=${source}`, {
      method: 'POST',
    });

  async function rowOf({ digest }: Content) {
    const { read } = await registry.database();
    return read
      .selectFrom('blobs')
      .select(['id', 'storage_key as storageKey'])
      .where('digest', '=', digest)
      .where('state', '=', 'live')
      .executeTakeFirstOrThrow();
  }

  const fileOf = (key: string) => join(registry.server.folder, 'blobs', key.slice(0, 2), key);

  async function lose(blob: Content) {
    const row = await rowOf(blob);
    await writeFile(fileOf(row.storageKey), 'damaged');
    const database = await registry.database();
    assert.equal(await database.write(markBlobLost, { ...row, now: Date.now() }), true);
    return row;
  }

  test('is not there for HEAD and mount, says so to GET, and holds up a manifest', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(100));
    await lose(blob);
    expectStatus(await registry.call(pathOf(repository, blob), { method: 'HEAD' }), 404);
    const got = await registry.call(pathOf(repository, blob));
    expectStatus(got, 404);
    assert.match(got.body.toString(), /were lost: push an image that contains it again/);
    expectStatus(await mount(registry.repository(), blob, repository), 202);
    const config = await registry.pushBlob(repository, blobOf(10));
    const manifest = imageOf(config, [blob]);
    expectStatus(await registry.pushManifest(repository, 'lost', manifest), 400);
  });

  test('is healed for every repository that linked it by the next push to any', async () => {
    const first = registry.repository();
    const second = registry.repository();
    const third = registry.repository();
    const { layers } = await registry.pushImage(first, '1.0');
    const blob = layers[0] as Content;
    expectStatus(await mount(second, blob, first), 201);
    const { id, storageKey } = await lose(blob);
    await registry.pushBlob(third, blob);
    for (const repository of [first, second, third]) {
      const got = await registry.call(pathOf(repository, blob));
      expectStatus(got, 200);
      assert.deepEqual(got.body, blob.bytes);
    }
    const healed = await rowOf(blob);
    assert.equal(healed.id, id);
    assert.notEqual(healed.storageKey, storageKey);
    assert.equal(readdirSync(join(fileOf(storageKey), '..')).includes(storageKey), false);
  });

  test('is healed once by many pushes at the same time, none of which fails', async () => {
    const repositories = Array.from({ length: 8 }, () => registry.repository());
    const blob = blobOf(4096);
    await registry.pushBlob(repositories[0] as string, blob);
    for (let round = 0; round < 5; round++) {
      await lose(blob);
      await Promise.all(repositories.map((repository) => registry.pushBlob(repository, blob)));
      for (const repository of repositories) {
        assert.deepEqual((await registry.call(pathOf(repository, blob))).body, blob.bytes);
      }
    }
    const { storageKey } = await rowOf(blob);
    const { read } = await registry.database();
    const rows = await read.selectFrom('blobs').select('id').where('digest', '=', blob.digest);
    assert.equal((await rows.execute()).length, 1);
    await rm(fileOf(storageKey));
  });

  test('is there again once its bytes were found', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(100));
    const row = await rowOf(blob);
    const database = await registry.database();
    await database.write(markBlobLost, { ...row, now: Date.now() });
    expectStatus(await registry.call(pathOf(repository, blob), { method: 'HEAD' }), 404);
    assert.equal(await database.write(markBlobFound, row), true);
    assert.deepEqual((await registry.call(pathOf(repository, blob))).body, blob.bytes);
    assert.equal(await database.write(markBlobFound, row), false);
  });

  test('may be taken from a repository that does not need it', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(100));
    await lose(blob);
    expectStatus(await registry.call(pathOf(repository, blob), { method: 'DELETE' }), 202);
  });
});
