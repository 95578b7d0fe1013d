import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import type { Content } from '../../features/registry/testing/content.suite.ts';
import { expectStatus } from '../../features/registry/testing/registry.suite.ts';
import {
  type Bed,
  backUp,
  bringBack,
  expectPullable,
  expectVerified,
  type Place,
  type Pushed,
  pushTo,
  withBed,
} from '../testing/recovery.suite.ts';
import { verify } from '../verify/verify.ts';
import { openBackupFolder } from './folder.ts';

function blobIn(backups: string, { digest }: Content): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return join(backups, 'blobs', algorithm, hex.slice(0, 2), hex);
}

function flipByte(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

withBed('a backup that was damaged', (bed: Bed) => {
  let place: Place;
  let image: Pushed;
  let other: Pushed;
  before(async () => {
    place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    image = await pushTo(registry, 'team/app', '1.0');
    other = await pushTo(registry, 'team/other', '1.0');
    await registry.stop();
  });

  async function made() {
    const backups = bed.path('backups');
    const { generation } = await backUp(place, backups);
    return { backups, generation, inGeneration: (name: string) => join(backups, generation, name) };
  }

  /** Nothing is begun, so that the data folder can take another backup. */
  async function expectRefused(backups: string, sentence: RegExp) {
    const target = await bed.emptyPlace('sqlite');
    await assert.rejects(bringBack(target, backups), (error: Error) => {
      assert.match(error.message, sentence);
      assert.match(error.message, /: [a-z].*\.$/, 'it names no cure');
      return true;
    });
    assert.equal(existsSync(target.data), false);
  }

  const damages: [string, (path: string) => void, RegExp][] = [
    [
      'by a flipped byte in a blob',
      (path) => flipByte(path, 100),
      /^The backup's copy of the blob sha256:\w+ is damaged\.$/,
    ],
    [
      'by a blob that was cut short',
      (path) => truncateSync(path, 10),
      /^The backup's copy of the blob sha256:\w+ is damaged\.$/,
    ],
    [
      'by a blob that is missing',
      (path) => rmSync(path),
      /^The backup does not hold the blob sha256:\w+ any more\.$/,
    ],
  ];
  for (const [what, damage, problem] of damages) {
    for (const dialect of ['sqlite', 'postgres'] as const) {
      test(`${what} is restored in ${dialect} but for it, and the next push heals it`, async () => {
        const { backups } = await made();
        const layer = image.blobs[1] as Content;
        damage(blobIn(backups, layer));
        const target = await bed.emptyPlace(dialect);
        const { problems } = await bringBack(target, backups);
        assert.equal(problems.length, 1);
        assert.match(problems[0] ?? '', problem);
        const { findings } = await verify({ ...target }, { repair: false, report: () => {} });
        assert.deepEqual(
          findings.map(({ kind, subject }) => [kind, subject]),
          [['blob-lost', layer.digest]],
        );
        assert.match(findings[0]?.cure ?? '', /^Push team\/app:1\.0 again/);
        const registry = await bed.start(target);
        await expectPullable(registry, other);
        const path = `/v2/team/app/blobs/${layer.digest}`;
        expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
        await registry.pushBlob('team/app', layer);
        await expectPullable(registry, image);
        await registry.stop();
        await expectVerified(target);
      });
    }
  }

  test('by a truncated database says so, and which cure there is', async () => {
    const { backups, inGeneration } = await made();
    truncateSync(inGeneration('database.sqlite'), 8192);
    await expectRefused(backups, /database\.sqlite has 8192 bytes, and had \d+ when/);
    rmSync(inGeneration('database.sqlite'));
    await expectRefused(backups, /database\.sqlite is missing/);
  });

  test('by an edited row of its database says that its checksum differs', async () => {
    const { backups, inGeneration } = await made();
    const database = new DatabaseSync(inGeneration('database.sqlite'));
    database.exec(`update manifests set media_type = 'edited' where id = 1`);
    database.close();
    await expectRefused(backups, /database\.sqlite is not what it was .*its checksum differs/);
  });

  test('by an edited or broken backup.json says so', async () => {
    const { backups, inGeneration } = await made();
    const path = inGeneration('backup.json');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"sqlite"', '"postgres"'));
    await expectRefused(backups, /backup\.json is damaged/);
    writeFileSync(path, text.slice(0, 50));
    await expectRefused(backups, /backup\.json is damaged/);
  });

  test('by a secret key of another server says so', async () => {
    const { backups, inGeneration } = await made();
    writeFileSync(inGeneration('secret.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`);
    await expectRefused(backups, /secret\.key is damaged or another server's/);
    writeFileSync(inGeneration('secret.key'), 'damaged');
    await expectRefused(backups, /secret\.key is damaged or another server's/);
  });

  test('can be passed over for an earlier one', async () => {
    const { backups, generation } = await made();
    const second = await backUp(place, backups);
    rmSync(join(backups, second.generation, 'database.sqlite'));
    await expectRefused(backups, /database\.sqlite is missing/);
    const target = await bed.emptyPlace('sqlite');
    await bringBack(target, backups, generation);
    await expectVerified(target);
    await assert.rejects(
      backUp(place, backups, { keep: 2 }),
      /blobs of earlier ones cannot be removed, since .*database\.sqlite cannot be read/,
    );
  });

  test('gets its blobs again from the registry by the next backup once they are gone', async () => {
    const { backups } = await made();
    const layer = image.blobs[1] as Content;
    truncateSync(blobIn(backups, layer), 10);
    rmSync(blobIn(backups, other.blobs[0] as Content));
    const { copied } = await backUp(place, backups);
    assert.equal(copied.count, 2);
    const target = await bed.emptyPlace('sqlite');
    assert.deepEqual((await bringBack(target, backups)).problems, []);
    await expectVerified(target);
  });

  test('has its damaged blobs replaced by a backup that rehashes', async () => {
    const { backups } = await made();
    flipByte(blobIn(backups, image.blobs[1] as Content), 100);
    assert.equal((await backUp(place, backups)).replaced, 0);
    const { copied, replaced } = await backUp(place, backups, { rehash: true });
    assert.deepEqual([copied.count, replaced], [1, 1]);
    const target = await bed.emptyPlace('sqlite');
    assert.deepEqual((await bringBack(target, backups)).problems, []);
    await expectVerified(target);
  });
});

withBed('a backup is refused', (bed) => {
  let place: Place;
  before(async () => {
    place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    await pushTo(registry, 'team/app', '1.0');
    await registry.stop();
  });

  async function edited(edit: (manifest: Record<string, unknown>) => void) {
    const backups = bed.path('backups');
    const { generation } = await backUp(place, backups);
    const path = join(backups, generation, 'backup.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    edit(manifest);
    writeFileSync(path, JSON.stringify(manifest));
    return backups;
  }

  test('of a newer format, and of a newer schema', async () => {
    const target = await bed.emptyPlace('sqlite');
    const format = await edited((manifest) => {
      manifest.format = 2;
      manifest.berth = '9.0.0';
    });
    await assert.rejects(
      bringBack(target, format),
      /made by a newer Berth \(9\.0\.0\) and has format 2, and this Berth reads up to format 1: restore it with that Berth\.$/,
    );
    const schema = await edited((manifest) => {
      manifest.schema = 1000;
    });
    await assert.rejects(bringBack(target, schema), /newer Berth .* schema version 1000.*restore/);
  });

  test('by a data folder or a database that holds something', async () => {
    const backups = bed.path('backups');
    await backUp(place, backups);
    await assert.rejects(
      bringBack(place, backups),
      /is not empty \(it holds \w+\): name an empty or new folder with --data/,
    );
    const target = await bed.emptyPlace('postgres');
    await bringBack(target, backups);
    await assert.rejects(
      bringBack({ ...target, data: bed.path('data') }, backups),
      /holds tables of Berth already: make an empty one with createdb/,
    );
    const prepared = await bed.emptyPlace('sqlite');
    mkdirSync(prepared.data);
    writeFileSync(join(prepared.data, 'berth.yaml'), 'port: 5001\n');
    await bringBack(prepared, backups);
    await expectVerified(prepared);
  });

  test('from a folder that holds none, and into one that holds something else', async () => {
    const target = await bed.emptyPlace('sqlite');
    const other = bed.path('other');
    await assert.rejects(bringBack(target, other), /holds no backups of Berth: name the folder/);
    mkdirSync(other);
    writeFileSync(join(other, 'letter.txt'), 'dear');
    await assert.rejects(bringBack(target, other), /holds no backups of Berth: name the folder/);
    await assert.rejects(backUp(place, other), /holds other files \(letter\.txt\): name a new/);
    const backups = bed.path('backups');
    const { generation } = await backUp(place, backups);
    await assert.rejects(
      bringBack(target, backups, 'yesterday'),
      new RegExp(`no backup yesterday in .*: there are ${generation}\\.$`),
    );
    await rename(join(backups, generation), join(backups, `${generation}.unfinished`));
    await assert.rejects(bringBack(target, backups), /No backup in .* was finished: make one/);
  });

  test('of a folder without a registry, which stays as it is', async () => {
    const nowhere = bed.path('nowhere');
    await assert.rejects(
      backUp({ data: nowhere }, bed.path('backups')),
      /holds no data of Berth: name the server's data folder with --data or BERTH_DATA\.$/,
    );
    assert.equal(existsSync(nowhere), false);
    const { databaseUrl = '' } = await bed.emptyPlace('postgres');
    await assert.rejects(
      backUp({ data: place.data, databaseUrl }, bed.path('backups')),
      /PostgreSQL database .* holds nothing of Berth: name the one that the server uses\.$/,
    );
  });

  test('while another one is being made in the same folder', async () => {
    const backups = bed.path('backups');
    const end = await openBackupFolder(backups);
    await assert.rejects(backUp(place, backups), /Another backup is being made in .*: wait/);
    end();
    await backUp(place, backups);
  });
});
