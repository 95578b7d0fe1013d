import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobOf, imageOf } from '../../features/registry/testing/content.suite.ts';
import { expectStatus } from '../../features/registry/testing/registry.suite.ts';
import {
  backUp,
  bringBack,
  dialects,
  expectPullable,
  expectVerified,
  pushTo,
  withBed,
} from '../testing/recovery.suite.ts';

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

withBed('a backup', (bed) => {
  for (const source of dialects) {
    for (const target of dialects) {
      test(`of ${source}, made while it serves, is the same registry in ${target}`, async () => {
        const place = await bed.emptyPlace(source);
        const registry = await bed.start(place);
        const alice = await registry.addUser('alice');
        await registry.addProject('team');
        await registry.addMember('team', 'alice', 'developer');
        const images = [
          await pushTo(registry, 'team/app', '1.0'),
          await pushTo(registry, 'team/app', '2.0'),
          await pushTo(registry, 'other/app', '1.0'),
        ];
        const sha512 = await registry.pushBlob(
          'team/sha512',
          blobOf(70_000, { algorithm: 'sha512' }),
        );
        const image = imageOf(await registry.pushBlob('team/sha512', blobOf('')), [sha512]);
        expectStatus(await registry.pushManifest('team/sha512', '1.0', image), 201);
        images.push({ repository: 'team/sha512', tag: '1.0', manifest: image, blobs: [sha512] });

        const backups = bed.path('backups');
        const report = await backUp(place, backups);
        assert.deepEqual(report.problems, []);
        assert.equal(report.secretKey, 'in-the-backup');
        assert.equal(report.manifests, 4);
        assert.equal(report.blobs.count, 11);
        assert.deepEqual(report.copied, report.blobs);
        const { authority } = registry.server;
        await registry.stop();

        const restored = await bed.emptyPlace(target);
        const brought = await bringBack(restored, backups);
        assert.deepEqual(brought.problems, []);
        assert.deepEqual(brought.blobs, report.blobs);
        assert.equal(brought.dialect, target);
        await expectVerified(restored);
        const again = await bed.start(restored);
        assert.equal(again.server.authority, authority, 'machines would have to trust it anew');
        for (const each of images) await expectPullable(again, each);
        const mine = await again.request('/v2/team/app/manifests/1.0', { as: alice });
        expectStatus(mine, 200);
        const late = await pushTo(again, 'team/app', '3.0');
        await expectPullable(again, late);
        await again.stop();
        await expectVerified(restored);
      });
    }
  }

  test('copies only what is new, goes back to any earlier one, and keeps as many as it is told', async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    const backups = bed.path('backups');
    const first = await pushTo(registry, 'team/app', 'first');
    const one = await backUp(place, backups);
    const second = await pushTo(registry, 'team/app', 'second');
    const two = await backUp(place, backups);
    assert.equal(one.copied.count, 3);
    assert.equal(two.copied.count, 3);
    assert.equal(two.blobs.count, 6);
    assert.equal(two.generations, 2);
    expectStatus(
      await registry.call(`/v2/team/app/manifests/${first.manifest.digest}`, { method: 'DELETE' }),
      202,
    );
    for (const { digest } of first.blobs) {
      expectStatus(await registry.call(`/v2/team/app/blobs/${digest}`, { method: 'DELETE' }), 202);
    }
    const third = await backUp(place, backups);
    assert.equal(third.copied.count, 0);

    const early = await bed.emptyPlace('sqlite');
    await bringBack(early, backups, one.generation);
    const earlier = await bed.start(early);
    await expectPullable(earlier, first);
    expectStatus(await earlier.call('/v2/team/app/manifests/second'), 404);
    await earlier.stop();
    const late = await bed.emptyPlace('sqlite');
    await bringBack(late, backups);
    const later = await bed.start(late);
    await expectPullable(later, second);
    expectStatus(await later.call('/v2/team/app/manifests/first'), 404);
    await later.stop();

    const pruned = await backUp(place, backups, { keep: 2 });
    assert.deepEqual(pruned.removed, [one.generation, two.generation]);
    assert.equal(pruned.generations, 2);
    await bringBack(await bed.emptyPlace('sqlite'), backups, third.generation);
    await registry.stop();
  });

  test('loses the blobs that none of the kept ones needs', async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    const backups = bed.path('backups');
    const blob = await registry.pushBlob('team/app', blobOf(1000));
    const kept = await pushTo(registry, 'team/app', 'kept');
    await backUp(place, backups);
    const blobFiles = () => filesIn(join(backups, 'blobs'));
    assert.equal(blobFiles().length, 4);
    await registry.stop();
    // As a collection leaves it.
    const other = await bed.emptyPlace('sqlite');
    const fresh = await bed.start(other);
    for (const each of kept.blobs) await fresh.pushBlob('team/app', each);
    expectStatus(await fresh.pushManifest('team/app', 'kept', kept.manifest), 201);
    assert.equal((await backUp(other, backups, { keep: 1 })).copied.count, 0);
    assert.equal(blobFiles().length, 3);
    assert.ok(!blobFiles().some((file) => file.endsWith(blob.digest.slice('sha256:'.length))));
    const restored = await bed.emptyPlace('sqlite');
    await bringBack(restored, backups);
    await expectVerified(restored);
    await fresh.stop();
  });

  test('can be read by its owner only, and holds no secret key when it must not', async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    const image = await pushTo(registry, 'team/app', '1.0');
    const backups = bed.path('backups');
    const { generation, secretKey } = await backUp(place, backups, { secretKey: false });
    assert.equal(secretKey, 'left-out');
    assert.equal(existsSync(join(backups, generation, 'secret.key')), false);
    await backUp(place, backups);
    const files = filesIn(backups);
    assert.ok(files.length > 0);
    for (const file of files) assert.equal(statSync(file).mode & 0o077, 0, file);
    await registry.stop();

    const restored = await bed.emptyPlace('sqlite');
    await assert.rejects(
      bringBack(restored, backups, generation),
      /does not hold the secret key of its server: set BERTH_SECRET_KEY to it, or put/,
    );
    assert.equal(existsSync(restored.data), false);
    rmSync(place.data, { recursive: true });
    await bringBack(restored, backups);
    const again = await bed.start(restored);
    await expectPullable(again, image);
    await again.stop();
  });
});
