import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Chart, ChartDetail } from '#contract/charts.ts';
import { chartArchive } from '#test/charts.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { startChartsServer } from './testing/server.ts';

describe('charts over PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  test('are read, listed, served, uploaded and deleted as over SQLite', async () => {
    await using server = await startChartsServer(await postgres.createDatabase());
    await server.addProject('team');
    const archive = chartArchive({ files: { 'values.yaml': '# \0 kept\n' } });
    await server.pushChart('team/nginx', '0.1.0', archive);
    await server.pushChart('team/x/nginx', '0.9.0', chartArchive({ version: '0.9.0' }));
    await server.pushChart('team/broken', '1.0.0', Buffer.from('no archive'));
    assert.deepEqual(server.failures, []);
    const charts = '/api/v2.0/projects/team/charts';
    const list = (await (await server.fetch('guest', charts)).json()) as Chart[];
    assert.deepEqual(
      list.map(({ name, latest, conflicts }) => [name, latest.signed, conflicts]),
      [
        ['broken', false, []],
        ['nginx', false, ['team/x/nginx']],
      ],
    );
    const detail = await server.fetch('guest', `${charts}/nginx/0.1.0`);
    assert.equal(((await detail.json()) as ChartDetail).values_yaml, '# \ufffd kept\n');
    const index = await server.fetch('guest', '/chartrepo/team/index.yaml');
    assert.deepEqual(Object.keys(parse(await index.text()).entries), ['nginx']);
    const file = await server.fetch('guest', '/chartrepo/team/charts/nginx-0.1.0.tgz');
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), archive);
    const museum = '/api/chartrepo/team/charts';
    const body = new Uint8Array(chartArchive({ version: '0.2.0' }));
    const upload = () => server.fetch('developer', museum, { method: 'POST', body });
    assert.equal((await upload()).status, 201);
    assert.equal((await upload()).status, 409);
    const init = { method: 'DELETE' };
    assert.equal((await server.fetch('maintainer', `${museum}/nginx/0.2.0`, init)).status, 200);
    assert.equal((await server.fetch('guest', `${museum}/nginx/0.2.0`)).status, 404);
  });
});
