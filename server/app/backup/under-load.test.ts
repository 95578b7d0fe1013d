import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { succeed } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { beginDeletions, endDeletions } from '../../features/garbage-collection/writes/holds.ts';
import { expectStatus, type TestRegistry } from '../../features/registry/testing/registry.suite.ts';
import { takeUnlinkedBlobs } from '../../features/registry/testing/writes.suite.ts';
import {
  bringBack,
  dialects,
  expectPullable,
  expectVerified,
  type Pushed,
  pushTo,
  withBed,
} from '../testing/recovery.suite.ts';

const program = join(repositoryRoot, 'bin', 'berth.ts');
const clients = 4;
const backupsMade = 3;

/** Clients that push images and delete some again, and a collector, until they are told to end. */
function load(registry: TestRegistry) {
  /** Acknowledged, and never deleted. */
  const kept: Pushed[] = [];
  let deleted = 0;
  let collected = 0;
  let waited = 0;
  let ending = false;

  async function client(number: number): Promise<void> {
    for (let round = 0; !ending; round++) {
      const repository = `team/app-${number}`;
      const image = await pushTo(registry, repository, `v${round}`);
      if (round % 3 !== 0) {
        kept.push(image);
        continue;
      }
      const manifest = `/v2/${repository}/manifests/${image.manifest.digest}`;
      expectStatus(await registry.call(manifest, { method: 'DELETE' }), 202);
      for (const { digest } of image.blobs) {
        const path = `/v2/${repository}/blobs/${digest}`;
        expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
      }
      deleted += 1;
    }
  }
  /** Deletes what is not needed at once, as a collection without grace would. */
  async function collector(): Promise<void> {
    const database = await registry.database();
    const id = 'collector';
    while (!ending) {
      await pause(20);
      const leaseUntil = Date.now() + 60_000;
      const { allowed } = await database.write(beginDeletions, { id, leaseUntil, now: Date.now() });
      if (!allowed) {
        waited += 1;
        continue;
      }
      for (const key of await database.write(takeUnlinkedBlobs, undefined)) {
        await rm(join(registry.server.folder, 'blobs', key.slice(0, 2), key));
        collected += 1;
      }
      await database.write(endDeletions, { id });
    }
  }

  const running = Promise.all([
    ...Array.from({ length: clients }, (_, number) => client(number)),
    collector(),
  ]);
  return {
    kept,
    async end() {
      ending = true;
      await running;
      return { deleted, collected, waited };
    },
  };
}

withBed('backups of a server under load', (bed) => {
  for (const dialect of dialects) {
    test(`hold every push of ${dialect} that was acknowledged before they began`, async () => {
      const place = await bed.emptyPlace(dialect);
      const registry = await bed.start(place);
      const backups = bed.path('backups');
      const pushes = load(registry);
      const made: { readonly generation: string; readonly acknowledged: number }[] = [];
      for (let count = 0; count < backupsMade; count++) {
        const wanted = pushes.kept.length + 10;
        while (pushes.kept.length < wanted) await pause(20);
        const acknowledged = pushes.kept.length;
        const { databaseUrl } = place;
        const answer = await succeed(
          process.execPath,
          [
            program,
            'backup',
            backups,
            '--json',
            ...['--data', place.data],
            ...(databaseUrl === undefined ? [] : ['--database-url', databaseUrl]),
          ],
          { env: { PATH: process.env.PATH ?? '' } },
        );
        const { generation, problems } = JSON.parse(answer);
        assert.deepEqual(problems, []);
        made.push({ generation, acknowledged });
      }
      // What comes and goes while it is read is no finding.
      for (let count = 0; count < 5; count++) await expectVerified(place);
      const { deleted, collected, waited } = await pushes.end();
      assert.ok(deleted > 0 && collected > 0, 'nothing was deleted meanwhile');
      assert.ok(waited > 0, 'no deletion ever waited for a backup');
      await expectVerified(place);
      await registry.stop();

      for (const [index, { generation, acknowledged }] of made.entries()) {
        const restored = await bed.emptyPlace(dialects[index % dialects.length] ?? dialect);
        assert.deepEqual((await bringBack(restored, backups, generation)).problems, []);
        await expectVerified(restored);
        const again = await bed.start(restored);
        for (const image of pushes.kept.slice(0, acknowledged)) await expectPullable(again, image);
        await again.stop();
      }
    });
  }
});
