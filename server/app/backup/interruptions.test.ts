import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run, succeed } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import { blobOf } from '../../features/registry/testing/content.suite.ts';
import type { TestRegistry } from '../../features/registry/testing/registry.suite.ts';
import {
  backUp,
  bringBack,
  dialects,
  expectPullable,
  expectVerified,
  type Place,
  type Pushed,
  pushTo,
  withBed,
} from '../testing/recovery.suite.ts';

const program = join(repositoryRoot, 'bin', 'berth.ts');

function flagsOf({ data, databaseUrl }: Place): string[] {
  return ['--data', data, ...(databaseUrl === undefined ? [] : ['--database-url', databaseUrl])];
}

/** Kills `berth …` with SIGKILL as soon as `reached`, or tells that it was done before. */
async function killWhen(given: readonly string[], reached: () => boolean): Promise<boolean> {
  const child: ChildProcess = spawn(process.execPath, [program, ...given], {
    env: { PATH: process.env.PATH },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  let killed = false;
  const look = setInterval(() => {
    if (!reached()) return;
    killed = child.kill('SIGKILL');
    clearInterval(look);
  }, 1);
  await ended;
  clearInterval(look);
  return killed;
}

function filesBelow(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  ).length;
}

async function pushMuch(registry: TestRegistry, repository: string): Promise<Pushed> {
  for (let count = 0; count < 60; count++) await registry.pushBlob(repository, blobOf(300_000));
  return pushTo(registry, repository, '1.0');
}

withBed('a backup and a restore', (bed) => {
  test('that are killed with SIGKILL leave what was there, and are begun again', async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    const image = await pushTo(registry, 'team/app', 'before');
    const backups = bed.path('backups');
    const whole = await backUp(place, backups);
    const much = await pushMuch(registry, 'team/much');

    const blobs = join(backups, 'blobs');
    const command = ['backup', backups, ...flagsOf(place)];
    assert.ok(await killWhen(command, () => filesBelow(blobs) > 10), 'it was done too soon');
    assert.ok(readdirSync(backups).some((name) => name.endsWith('.unfinished')));
    const early = await bed.emptyPlace('sqlite');
    assert.equal((await bringBack(early, backups)).generation, whole.generation);
    await expectVerified(early);

    const copiedBefore = filesBelow(blobs);
    const again = await backUp(place, backups);
    assert.ok(again.copied.count < 63, `${again.copied.count} blobs were copied again`);
    assert.equal(copiedBefore + again.copied.count, again.blobs.count);
    assert.ok(!readdirSync(backups).some((name) => name.endsWith('.unfinished')));
    assert.deepEqual(readdirSync(join(backups, 'part')), []);

    for (const dialect of dialects) {
      const target = await bed.emptyPlace(dialect);
      const restoring = ['restore', backups, ...flagsOf(target)];
      const stored = () => filesBelow(join(target.data, 'blobs')) > 10;
      assert.ok(await killWhen(restoring, stored), 'it was done too soon');
      await assert.rejects(bed.start(target), /was not finished: run the same berth restore again/);
      assert.equal((await bringBack(target, backups)).blobs.count, again.blobs.count);
      await expectVerified(target);
      const restored = await bed.start(target);
      for (const each of [image, much]) await expectPullable(restored, each);
      await restored.stop();
    }
    await registry.stop();
  });

  test('that do not fit on their disk say so, and go on once there is space', {
    skip: process.getuid?.() === 0 ? false : 'mounting a small disk needs root',
  }, async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    const disk = bed.path('disk');
    mkdirSync(disk);
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]);
    try {
      const backups = join(disk, 'backups');
      const first = await pushTo(registry, 'team/app', 'first');
      const whole = await backUp(place, backups);
      const much = await pushMuch(registry, 'team/much');
      const { code, stdout, stderr } = await run(
        process.execPath,
        [program, 'backup', backups, ...flagsOf(place), '--json'],
        { env: { PATH: process.env.PATH ?? '' } },
      );
      assert.equal(code, 1);
      assert.equal(stdout, '');
      assert.match(
        stderr,
        /^berth: The disk of \S+ is full: free some space or name a folder on a larger one, then run the command again\. Earlier backups are whole, and what was copied is not copied again\.\n$/,
      );
      await expectPullable(registry, first);
      const early = await bed.emptyPlace('sqlite');
      assert.equal((await bringBack(early, backups)).generation, whole.generation);

      await succeed('mount', ['-o', 'remount,size=64m', disk]);
      assert.ok((await backUp(place, backups)).copied.count < 63);

      const target = { data: join(disk, 'data') };
      writeFileSync(join(disk, 'filling'), Buffer.alloc(30 * 1024 * 1024));
      await assert.rejects(
        bringBack(target, backups),
        /The disk of \S+ is full: .* not copied again/,
      );
      await assert.rejects(bed.start(target), /was not finished/);
      rmSync(join(disk, 'filling'));
      await bringBack(target, backups);
      await expectVerified(target);
      const restored = await bed.start(target);
      for (const each of [first, much]) await expectPullable(restored, each);
      await restored.stop();
    } finally {
      await registry.stop();
      await succeed('umount', [disk]);
    }
  });
});
