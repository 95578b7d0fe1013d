import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { chartArchive } from '#test/charts.ts';
import { allCharts, waitingEvents } from './testing/queries.ts';
import { type ChartsServer, startChartsServer } from './testing/server.ts';
import { forgetAllBlobs } from './testing/writes.ts';

/** Takes the bytes of every blob away behind the server's back. */
async function loseBlobs({ store }: ChartsServer): Promise<void> {
  for await (const { key } of store.list()) await store.delete(key);
}

/** As a check of every blob does with those that it found lost. */
async function forgetBlobs({ database }: ChartsServer): Promise<void> {
  await database.write(forgetAllBlobs, undefined);
}

describe('a pushed chart', () => {
  for (const [what, mediaType] of [
    ['Helm 3.7 and later', mediaTypes.helm.chart],
    ['Helm 3.0 to 3.6', mediaTypes.helm.chartBeforeHelm37],
  ] as const) {
    test(`is read as ${what} push it`, async () => {
      await using server = await startChartsServer();
      await server.addProject('team');
      const bytes = chartArchive({ files: { 'values.yaml': '# kept\na: 1\n' } });
      await server.push('team/nginx', '0.1.0', [{ mediaType, bytes }]);
      const [chart, ...others] = await allCharts(server.database.read);
      assert.deepEqual(others, []);
      assert.equal(chart?.name, 'nginx');
      assert.equal(chart?.version, '0.1.0');
      assert.equal(chart?.app_version, '1.27.1');
      assert.equal(chart?.values_yaml, '# kept\na: 1\n');
      assert.equal(chart?.archive_digest, digestOf('sha256', bytes));
      assert.equal(chart?.archive_size, bytes.length);
      assert.equal(chart?.problem, null);
      assert.deepEqual(await waitingEvents(server.database.read), []);
      assert.deepEqual(server.failures, []);
    });
  }

  test('is found behind its provenance', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.push('team/nginx', '0.1.0', [
      { mediaType: mediaTypes.helm.provenance, bytes: Buffer.from('signed\0') },
      { mediaType: mediaTypes.helm.chart, bytes: chartArchive() },
    ]);
    const [chart] = await allCharts(server.database.read);
    assert.equal(chart?.name, 'nginx');
    assert.equal(chart?.provenance, 'signed\ufffd');
  });

  test('that cannot be read is kept with a sentence, and not tried again', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/broken', '0.1.0', Buffer.from('no archive at all'));
    const [chart] = await allCharts(server.database.read);
    assert.equal(chart?.name, null);
    assert.match(chart?.problem ?? '', /no whole gzip stream/);
    assert.deepEqual(await waitingEvents(server.database.read), []);
    assert.deepEqual(server.failures, []);
  });

  test('without an archive among its layers is kept with a sentence', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.push('team/empty', '0.1.0', []);
    const [chart] = await allCharts(server.database.read);
    assert.match(chart?.problem ?? '', /no layer with a chart archive/);
  });

  test('whose bytes are lost is kept with a sentence, and read once they are back', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const archive = chartArchive();
    const digest = await server.pushChart('team/nginx', '0.1.0', archive);
    await server.registry.manifests.delete(
      'team/nginx',
      { kind: 'digest', digest: digest as `sha256:${string}` },
      'a test',
    );
    await loseBlobs(server);
    await server.pushChart('team/nginx', '0.1.0', archive);
    const [lost] = await allCharts(server.database.read);
    assert.match(lost?.problem ?? '', /lost: push it again/);

    await forgetBlobs(server);
    await server.pushChart('team/nginx', '0.1.0', archive);
    const [found] = await allCharts(server.database.read);
    assert.equal(found?.problem, null);
    assert.equal(found?.name, 'nginx');
  });

  test('goes with its manifest', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const digest = await server.pushChart('team/nginx', '0.1.0', chartArchive());
    await server.registry.manifests.delete(
      'team/nginx',
      { kind: 'digest', digest: digest as `sha256:${string}` },
      'a test',
    );
    assert.deepEqual(await allCharts(server.database.read), []);
  });
});
