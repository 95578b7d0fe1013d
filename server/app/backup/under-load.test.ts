import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { succeed } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { expectStatus, type TestRegistry } from '../../features/registry/testing/registry.suite.ts';
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

/** Clients that push images and delete some of them again, until they are told to end. */
function load(registry: TestRegistry) {
  /** Acknowledged, and never deleted. */
  const kept: Pushed[] = [];
  let deleted = 0;
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
  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    kept,
    async end() {
      ending = true;
      await running;
      return deleted;
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
        while (pushes.kept.length < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
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
      assert.ok((await pushes.end()) > 0);
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
