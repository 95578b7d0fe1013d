import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { digestOf, hexOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { chartArchive } from '#test/charts.ts';
import { startChartsServer } from './testing/server.ts';

const index = '/chartrepo/team/index.yaml';

describe('the index of a project', () => {
  test('tells all that Helm asks of a chart, and leads to its archive', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const archive = chartArchive({ version: '0.1.0+b' });
    await server.pushChart('team/nginx', '0.1.0_b', archive);
    const response = await server.fetch('guest', index);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^application\/yaml/);
    const { apiVersion, generated, entries } = parse(await response.text());
    assert.equal(apiVersion, 'v1');
    const [{ created, ...entry }] = entries.nginx;
    assert.equal(created, generated);
    assert.ok(Date.parse(created) > Date.now() - 60_000);
    assert.deepEqual(entry, {
      name: 'nginx',
      version: '0.1.0+b',
      description: 'The chart nginx',
      apiVersion: 'v2',
      appVersion: '1.27.1',
      type: 'application',
      urls: ['charts/nginx-0.1.0+b.tgz'],
      digest: hexOf(digestOf('sha256', archive)),
    });
    const file = await server.fetch('guest', `/chartrepo/team/${entry.urls[0]}`);
    assert.equal(file.status, 200);
    assert.equal(file.headers.get('content-length'), String(archive.length));
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), archive);
    const escaped = await server.fetch('guest', '/chartrepo/team/charts/nginx-0.1.0%2Bb.tgz', {
      method: 'HEAD',
    });
    assert.equal(escaped.status, 200);
    assert.equal(escaped.headers.get('content-length'), String(archive.length));
  });

  test('lists versions falling, and is JSON while no names conflict', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const version of ['1.9.0', '1.10.0', '1.2.0']) {
      await server.pushChart('team/nginx', version, chartArchive({ version }));
    }
    const { entries } = JSON.parse(await (await server.fetch('guest', index)).text());
    assert.deepEqual(
      entries.nginx.map(({ version }: { version: string }) => version),
      ['1.10.0', '1.9.0', '1.2.0'],
    );
  });

  test('holds no field that Helm does not know, whatever a chart says', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const chartYaml = 'name: nginx\nversion: 1.0.0\nkeywords: web\nx-ours: 1\nicon: {a: b}\n';
    await server.pushChart('team/nginx', '1.0.0', chartArchive({ chartYaml }));
    const { entries } = JSON.parse(await (await server.fetch('guest', index)).text());
    assert.deepEqual(Object.keys(entries.nginx[0]).sort(), [
      'apiVersion',
      'created',
      'digest',
      'name',
      'urls',
      'version',
    ]);
  });

  test('leaves out charts that could not be read', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/broken', '1.0.0', Buffer.from('no archive'));
    const { entries } = JSON.parse(await (await server.fetch('guest', index)).text());
    assert.deepEqual(entries, {});
  });

  test('serves one of two charts of a name, and names the other in a comment', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/other/nginx', '9.0.0', chartArchive({ version: '9.0.0' }));
    await server.pushChart('team/nginx', '1.0.0', chartArchive({ version: '1.0.0' }));
    const body = await (await server.fetch('guest', index)).text();
    assert.match(body, /^# nginx is served from team\/nginx: .*team\/other\/nginx/);
    const { entries } = parse(body);
    assert.deepEqual(
      entries.nginx.map(({ version }: { version: string }) => version),
      ['1.0.0'],
    );
  });

  test('answers 304 until something changes', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/nginx', '0.1.0', chartArchive());
    const etag = (await server.fetch('guest', index)).headers.get('etag') ?? '';
    const headers = { 'if-none-match': etag };
    assert.equal((await server.fetch('guest', index, { headers })).status, 304);
    await server.pushChart('team/nginx', '0.2.0', chartArchive({ version: '0.2.0' }));
    assert.equal((await server.fetch('guest', index, { headers })).status, 200);
  });

  test('is everybody’s in a public project, and asks for Basic sign-in else', async () => {
    await using server = await startChartsServer();
    await server.addProject('open', { public: true });
    await server.addProject('team');
    assert.equal((await server.fetch(undefined, '/chartrepo/open/index.yaml')).status, 200);
    const refused = await server.fetch(undefined, index);
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm="berth"/);
    const absent = await server.fetch(undefined, '/chartrepo/nothing/index.yaml');
    assert.equal(absent.status, 401);
    assert.equal((await server.fetch('admin', '/chartrepo/nothing/index.yaml')).status, 404);
    assert.equal((await server.fetch('guest', '/chartrepo/nothing/index.yaml')).status, 403);
  });
});

describe('the files of a repository', () => {
  test('hold provenance where the chart has some', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.push('team/nginx', '0.1.0', [
      { mediaType: mediaTypes.helm.provenance, bytes: Buffer.from('signed') },
      { mediaType: mediaTypes.helm.chart, bytes: chartArchive() },
    ]);
    await server.pushChart('team/plain', '0.1.0', chartArchive({ name: 'plain' }));
    const signed = await server.fetch('guest', '/chartrepo/team/charts/nginx-0.1.0.tgz.prov');
    assert.equal(await signed.text(), 'signed');
    const plain = await server.fetch('guest', '/chartrepo/team/charts/plain-0.1.0.tgz.prov');
    assert.equal(plain.status, 404);
  });

  test('are nobody’s without the right to pull, and 404 where there are none', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    await server.pushChart('team/nginx', '0.1.0', chartArchive());
    const path = '/chartrepo/team/charts/nginx-0.1.0.tgz';
    assert.equal((await server.fetch(undefined, path)).status, 401);
    for (const file of ['nginx-0.2.0.tgz', 'nginx', '..%2f..%2fetc', 'nginx-0.1.0.tgz.prov.prov']) {
      const response = await server.fetch('guest', `/chartrepo/team/charts/${file}`);
      assert.equal(response.status, 404, file);
    }
  });
});
