import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Chart, ChartDetail, ChartVersion } from '#contract/charts.ts';
import { chartArchive, chartYamlOf } from '#test/charts.ts';
import { startChartsServer } from './testing/server.ts';

const charts = '/api/v2.0/projects/team/charts';

describe('the charts of a project', () => {
  test('are listed once each, by their latest version', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const version of ['0.1.0', '0.2.0', '0.3.0-rc.1']) {
      await server.pushChart('team/nginx', version, chartArchive({ version }));
    }
    await server.pushChart(
      'team/redis',
      '1.0.0',
      chartArchive({ name: 'redis', version: '1.0.0' }),
    );
    await server.pushChart(
      'team/x/redis',
      '2.0.0',
      chartArchive({ name: 'redis', version: '2.0.0' }),
    );
    const response = await server.fetch('guest', `${charts}?page_size=1`);
    assert.equal(response.headers.get('x-total-count'), '2');
    const [first, ...rest] = (await response.json()) as Chart[];
    assert.deepEqual(rest, []);
    assert.equal(first?.name, 'nginx');
    assert.equal(first?.versions, 3);
    assert.equal(first?.latest.version, '0.2.0');
    assert.equal(first?.description, 'The chart nginx');
    const named = await server.fetch('guest', `${charts}?name=RED`);
    const [redis] = (await named.json()) as Chart[];
    assert.equal(redis?.latest.version, '1.0.0');
    assert.deepEqual(redis?.conflicts, ['team/x/redis']);
    const falling = await server.fetch('guest', `${charts}?sort=-name`);
    assert.deepEqual(
      ((await falling.json()) as Chart[]).map(({ name }) => name),
      ['redis', 'nginx'],
    );
  });

  test('show what stands in a version, as written', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const values = '# -- how many\nreplicas: 1\n';
    const digest = await server.pushChart(
      'team/nginx',
      '0.1.0_b',
      chartArchive({
        chartYaml: `${chartYamlOf('nginx', '0.1.0+b')}${[
          'annotations: {artifacthub.io/license: MIT, other: x}',
          'dependencies: [{name: redis, version: 1.x, repository: "https://a.test"}]',
          'x-ours: 1',
        ].join('\n')}`,
        files: {
          'values.yaml': values,
          'README.md': '# hello',
          'values.schema.json': '{"type":"object"}',
          'Chart.lock': 'digest: sha256:x\n',
          'templates/a.yaml': 'a',
          'crds/b.yaml': 'b',
        },
      }),
    );
    const response = await server.fetch('guest', `${charts}/nginx/0.1.0%2Bb`);
    assert.equal(response.status, 200);
    const detail = (await response.json()) as ChartDetail;
    assert.equal(detail.digest, digest);
    assert.equal(detail.values_yaml, values);
    assert.equal(detail.readme, '# hello');
    assert.equal(detail.values_schema, '{"type":"object"}');
    assert.equal(detail.lock, 'digest: sha256:x\n');
    assert.deepEqual(detail.templates, [
      { path: 'crds/b.yaml', text: 'b' },
      { path: 'templates/a.yaml', text: 'a' },
    ]);
    assert.deepEqual(detail.dependencies, [
      { name: 'redis', version: '1.x', repository: 'https://a.test' },
    ]);
    assert.deepEqual(detail.artifact_hub, { license: 'MIT' });
    assert.equal(detail.metadata['x-ours'], 1);
    assert.deepEqual(detail.tags, ['0.1.0_b']);
    assert.deepEqual(detail.warnings, []);
    assert.equal(detail.provenance, null);
  });

  test('can be looked at in a repository that the index leaves out', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/nginx', '0.1.0', chartArchive());
    await server.pushChart('team/x/nginx', '0.9.0', chartArchive({ version: '0.9.0' }));
    const other = await server.fetch('guest', `${charts}/nginx?repository=team/x/nginx`);
    assert.deepEqual(
      ((await other.json()) as ChartVersion[]).map(({ version }) => version),
      ['0.9.0'],
    );
    const none = await server.fetch('guest', `${charts}/nginx?repository=team/y`);
    assert.equal(none.status, 404);
  });

  test('say what is wrong with one that could not be read', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/broken', 'v1', Buffer.from('no archive'));
    const [chart] = (await (await server.fetch('guest', charts)).json()) as Chart[];
    assert.equal(chart?.name, 'broken');
    assert.equal(chart?.latest.version, 'v1');
    assert.match(chart?.latest.problem ?? '', /no whole gzip stream/);
  });

  test('are nobody’s without the right to list artifacts', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const path of [charts, `${charts}/nginx`, `${charts}/nginx/1.0.0`]) {
      assert.equal((await server.fetch(undefined, path)).status, 401, path);
    }
    assert.equal((await server.fetch('guest', `${charts}/nginx`)).status, 404);
    assert.equal((await server.fetch('guest', `${charts}/nginx/1.0.0`)).status, 404);
  });
});
