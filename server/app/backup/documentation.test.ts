import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { run } from '#test/processes.ts';
import { repositoryRoot } from '#test/suite.ts';
import {
  expectPullable,
  type Place,
  type Pushed,
  pushTo,
  withBed,
} from '../testing/recovery.suite.ts';

const page = readFileSync(join(repositoryRoot, 'docs/backup.md'), 'utf8');
const commands = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);

withBed('docs/backup.md', (bed) => {
  let image: Pushed;
  /** What stands in the page, and what it is here. */
  const places = new Map<string, string>();
  let postgres: Place;
  before(async () => {
    const place = await bed.emptyPlace('sqlite');
    const registry = await bed.start(place);
    image = await pushTo(registry, 'team/app', '1.0');
    await registry.stop();
    postgres = await bed.emptyPlace('postgres');
    places
      .set('/var/lib/berth-restored', bed.path('restored'))
      .set('/var/lib/berth-postgres', postgres.data)
      .set('/var/lib/berth', place.data)
      .set('/mnt/backups/registry', bed.path('backups'))
      .set('postgres://berth:PASSWORD@database/berth', postgres.databaseUrl ?? '');
  });

  test('can be typed from top to bottom', async () => {
    assert.ok(commands.length >= 7, commands.join('\n'));
    for (const command of commands) {
      const [program, ...given] = command.split(' ').map((word) => places.get(word) ?? word);
      assert.equal(program, './berth', command);
      const { code, stderr } = await run(
        process.execPath,
        [join(repositoryRoot, 'bin/berth.ts'), ...given],
        { env: { PATH: process.env.PATH ?? '' } },
      );
      assert.equal(code, 0, `${command}\n${stderr}`);
    }
    for (const place of [{ data: places.get('/var/lib/berth-restored') ?? '' }, postgres]) {
      const registry = await bed.start(place);
      await expectPullable(registry, image);
      await registry.stop();
    }
  });

  test('names every kind of finding, and no other', () => {
    const source = readFileSync(join(repositoryRoot, 'server/app/verify/findings.ts'), 'utf8');
    const kinds = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, kind]) => kind);
    const table = page.split('\n').filter((line) => line.startsWith('| `'));
    const named = table.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, kind]) => kind),
    );
    assert.deepEqual(named.toSorted(), kinds.toSorted());
  });
});
