import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chartArchive } from '#test/charts.ts';
import { onBothDatabases } from '#test/databases.ts';
import { createOwnCharts, type ProvideChart } from './index.ts';
import { manifestOfTag } from './queries.ts';
import { openTestRegistry, type TestRegistry } from './testing/registry.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), (name, open) => {
  describe(`charts of the server's own, on ${name}`, () => {
    let opened: TestRegistry;
    let provide: ProvideChart;
    const of = { name: 'berth-agent', version: '1.2.3' };
    const tagged = () =>
      manifestOfTag(opened.database.read, 'berth/charts/berth-agent', of.version);
    const pushes = async () => {
      const { count } = await opened.database.read
        .selectFrom('events')
        .select((part) => part.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return Number(count);
    };

    before(async () => {
      opened = await openTestRegistry(open);
      provide = createOwnCharts({ ...opened, now: Date.now });
    });
    after(() => opened.close());

    test('are pushed once, and again when they are others', async () => {
      const archive = chartArchive(of);
      await provide({ ...of, archive });
      const first = await tagged();
      assert.equal(await pushes(), 1);

      await provide({ ...of, archive });
      assert.equal((await tagged())?.digest, first?.digest);
      assert.equal(await pushes(), 1);

      await provide({
        ...of,
        archive: chartArchive({ ...of, files: { 'README.md': '# Another' } }),
      });
      assert.notEqual((await tagged())?.digest, first?.digest);
    });

    test('are refused where Helm would not install them', async () => {
      await assert.rejects(provide({ ...of, archive: Buffer.from('no archive') }), {
        name: 'Refusal',
        kind: 'invalid',
      });
    });
  });
});
