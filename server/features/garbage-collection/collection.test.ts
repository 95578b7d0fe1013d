import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { mediaTypes } from '#oci/media-types.ts';
import {
  blobOf,
  type Content,
  descriptorOf,
  imageOf,
  indexOf,
} from '../registry/testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from '../registry/testing/registry.suite.ts';
import { holdFileDeletions } from './holds.ts';
import { begin, collectNow, waitUntil } from './testing/collections.suite.ts';

onEveryDatabase(
  'a collection',
  (registry) => {
    const statusOf = async (repository: string, { digest }: Content, kind = 'blobs') =>
      (await registry.call(`/v2/${repository}/${kind}/${digest}`)).status;
    const manifestStatus = (repository: string, manifest: Content) =>
      statusOf(repository, manifest, 'manifests');
    const remove = async (repository: string, reference: string) =>
      expectStatus(
        await registry.call(`/v2/${repository}/manifests/${reference}`, { method: 'DELETE' }),
        202,
      );
    const push = async (repository: string, reference: string, manifest: Content) => {
      expectStatus(await registry.pushManifest(repository, reference, manifest), 201);
      return manifest;
    };
    const filesOf = async () => {
      const folder = join(registry.server.folder, 'blobs');
      const shards = await Promise.all(
        (await readdir(folder)).map((shard) => readdir(join(folder, shard))),
      );
      return shards.flat();
    };

    test('takes what a deleted image alone needed, and its files, and nothing else', async () => {
      await collectNow(registry);
      const files = (await filesOf()).length;
      const repository = registry.repository();
      const shared = await registry.pushBlob(repository, blobOf(1_000));
      const config = await registry.pushBlob(
        repository,
        blobOf('{}', { mediaType: mediaTypes.oci.config }),
      );
      const own = await registry.pushBlob(repository, blobOf(5_000));
      const kept = await push(repository, 'kept', imageOf(config, [shared]));
      const gone = await push(repository, 'gone', imageOf(config, [shared, own]));
      await remove(repository, gone.digest);

      const report = await collectNow(registry);
      assert.deepEqual(
        [report.blobs, report.bytes, report.manifests, report.files],
        [1, 5_000, 0, 0],
      );
      assert.equal(await manifestStatus(repository, kept), 200);
      assert.equal(await statusOf(repository, shared), 200);
      assert.equal(await statusOf(repository, own), 404);
      assert.equal((await filesOf()).length, files + 2);
      // It may be pushed again.
      await registry.pushBlob(repository, own);
      await push(repository, 'gone', gone);
      assert.equal(await statusOf(repository, own), 200);
    });

    test('rehearsed tells the same, and changes nothing', async () => {
      await collectNow(registry);
      const repository = registry.repository();
      const { manifest, layers } = await registry.pushImage(repository, '1.0');
      const child = await push(
        repository,
        'child',
        imageOf(layers[0] as Content, [layers[1] as Content]),
      );
      await remove(repository, 'child');
      const index = await push(repository, 'all', indexOf([child]));
      await registry.pushBlob(repository, blobOf(777));
      await remove(repository, manifest.digest);
      await remove(repository, index.digest);
      const rehearsed = await collectNow(registry, { dry_run: true });
      assert.equal(await manifestStatus(repository, child), 200);
      const done = await collectNow(registry);
      assert.deepEqual({ ...rehearsed, dry_run: false }, done);
      assert.deepEqual([done.manifests, done.blobs], [1, 4]);
      assert.equal(await manifestStatus(repository, child), 404);
    });

    test('leaves what an index names, be it a manifest or a blob, and takes it with the index', async () => {
      await collectNow(registry);
      const repository = registry.repository();
      const image = await registry.pushImage(repository, 'child');
      await remove(repository, 'child');
      const cache = await registry.pushBlob(repository, blobOf(300));
      const index = await push(repository, 'cache', indexOf([image.manifest, cache]));
      await collectNow(registry, { delete_untagged: true });
      assert.equal(await manifestStatus(repository, image.manifest), 200);
      assert.equal(await statusOf(repository, cache), 200);

      await remove(repository, index.digest);
      const report = await collectNow(registry);
      assert.deepEqual([report.manifests, report.blobs], [1, 4]);
      assert.equal(await manifestStatus(repository, image.manifest), 404);
      assert.equal(await statusOf(repository, cache), 404);
    });

    test('leaves signatures and attestations as long as what they belong to', async () => {
      await collectNow(registry);
      const repository = registry.repository();
      const { manifest } = await registry.pushImage(repository, '1.0');
      const config = await registry.pushBlob(repository, blobOf(20));
      const layer = await registry.pushBlob(repository, blobOf(30));
      const subject = descriptorOf(manifest);
      const attestation = imageOf(config, [layer], { subject });
      await push(repository, attestation.digest, attestation);
      const counter = imageOf(config, [layer], { subject: descriptorOf(attestation) });
      await push(repository, counter.digest, counter);
      const signature = imageOf(config, [layer], { annotations: { signs: manifest.digest } });
      await push(repository, `${manifest.digest.replace(':', '-')}.sig`, signature);
      const all = [attestation, counter, signature];

      await collectNow(registry, { delete_untagged: true });
      for (const one of [manifest, ...all])
        assert.equal(await manifestStatus(repository, one), 200);

      await remove(repository, manifest.digest);
      const report = await collectNow(registry);
      assert.equal(report.manifests, 3);
      for (const one of all) assert.equal(await manifestStatus(repository, one), 404);
    });

    test('takes untagged manifests only when it is told to', async () => {
      await collectNow(registry);
      const repository = registry.repository();
      const { manifest } = await registry.pushImage(repository, 'moved');
      await registry.pushImage(repository, 'moved');
      assert.equal((await collectNow(registry)).manifests, 0);
      assert.equal(await manifestStatus(repository, manifest), 200);
      const report = await collectNow(registry, { delete_untagged: true });
      assert.deepEqual([report.manifests, report.blobs], [1, 3]);
      assert.equal(await manifestStatus(repository, manifest), 404);
    });

    test('leaves what got a tag of its own meanwhile, also when the tag goes again', async () => {
      const repository = registry.repository();
      const { manifest } = await registry.pushImage(repository, 'child');
      await remove(repository, 'child');
      const index = await push(repository, 'all', indexOf([manifest]));
      await remove(repository, index.digest);
      const [project = '', name = ''] = repository.split('/');
      const tags = `/api/v2.0/projects/${project}/repositories/${name}/artifacts/${manifest.digest}/tags`;
      expectStatus(
        await registry.call(tags, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ name: 'own' }),
        }),
        201,
      );
      expectStatus(await registry.call(`${tags}/own`, { method: 'DELETE' }), 200);
      await collectNow(registry);
      assert.equal(await manifestStatus(repository, manifest), 200);
    });

    test('takes files that a crash left, and none of an upload under way', async () => {
      await collectNow(registry);
      const key = 'ab'.repeat(16);
      const [shard = ''] = await readdir(join(registry.server.folder, 'blobs'));
      const sample = (await filesOf())[0] ?? key;
      const orphan = `${shard}${sample.slice(shard.length).replace(/^./, (one) => (one === '0' ? '1' : '0'))}`;
      const path = join(registry.server.folder, 'blobs', shard, orphan);
      await writeFile(path, 'left behind');
      await utimes(path, 0, 0);
      const upload = await registry.beginUpload(registry.repository());
      const report = await collectNow(registry);
      assert.deepEqual([report.files, report.bytes], [1, 11]);
      assert(!(await filesOf()).includes(orphan));
      const blob = blobOf(100);
      expectStatus(
        await registry.call(`${upload}?digest=${blob.digest}`, { method: 'PUT', body: blob.bytes }),
        201,
      );
    });

    test('deletes no file while deletions are held off, and goes on afterwards', async () => {
      await collectNow(registry);
      const files = (await filesOf()).length;
      const database = await registry.database();
      const repository = registry.repository();
      const blob = await registry.pushBlob(repository, blobOf(100));
      const hold = await holdFileDeletions({ database, reason: 'a backup', now: Date.now });
      const id = await begin(registry);
      const waiting = await waitUntil(
        registry,
        id,
        ({ progress }) => progress?.step.startsWith('waiting') === true,
      );
      assert.match(waiting.progress?.step ?? '', /a backup holds the deletion of files off/);
      // It is gone for everybody, and its file is there.
      assert.equal(await statusOf(repository, blob), 404);
      assert.equal((await filesOf()).length, files + 1);
      await hold.release();
      await waitUntil(registry, id, ({ state }) => state === 'succeeded');
      assert.equal((await filesOf()).length, files);
    });
  },
  { collectionGrace: '0s' },
);

onEveryDatabase('a collection with a period of grace', (registry) => {
  test('leaves what was pushed within it', async () => {
    const repository = registry.repository();
    const blob = await registry.pushBlob(repository, blobOf(100));
    const { manifest, layers } = await registry.pushImage(repository, '1.0');
    const path = `/v2/${repository}/manifests/${manifest.digest}`;
    expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
    const report = await collectNow(registry, { delete_untagged: true });
    assert.deepEqual([report.manifests, report.blobs, report.files], [0, 0, 0]);
    for (const one of [blob, ...layers]) {
      expectStatus(await registry.call(`/v2/${repository}/blobs/${one.digest}`), 200);
    }
  });
});
