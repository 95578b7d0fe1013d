import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digestOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { chartArchive } from '#test/charts.ts';
import { allCharts, manifestOf } from './testing/queries.ts';
import { type ChartsServer, startChartsServer } from './testing/server.ts';
import { maximumUploadBytes } from './upload-body.ts';

const charts = '/api/chartrepo/team/charts';

type Body = FormData | Uint8Array<ArrayBuffer>;

function formOf(parts: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): FormData {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(parts)) form.set(name, new File([bytes], `${name}.x`));
  return form;
}

function bytesOf(archive: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(archive);
}

function upload(server: ChartsServer, body: Body, path = charts, user = 'developer' as const) {
  return server.fetch(user, path, { method: 'POST', body });
}

async function messageOf(response: Response): Promise<string> {
  const { errors } = (await response.json()) as { errors: { message: string }[] };
  return errors[0]?.message ?? '';
}

function provenanceOf(archive: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytesOf(
    Buffer.from(
      [
        '-----BEGIN PGP SIGNED MESSAGE-----',
        'Hash: SHA512',
        '',
        'name: nginx',
        'version: 0.1.0',
        '',
        '...',
        'files:',
        `  nginx-0.1.0.tgz: ${digestOf('sha256', archive)}`,
        '-----BEGIN PGP SIGNATURE-----',
        '',
      ].join('\n'),
    ),
  );
}

describe('uploading a chart as to ChartMuseum', () => {
  test('makes the artifact that helm push would, and serves it at once', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const archive = chartArchive({ version: '0.1.0+b' });
    const response = await upload(server, formOf({ chart: bytesOf(archive) }));
    assert.equal(response.status, 201);
    assert.deepEqual(await response.json(), { saved: true });
    const row = await manifestOf(server.database.read, 'team/nginx', '0.1.0_b');
    const manifest = JSON.parse(Buffer.from(row?.bytes ?? []).toString());
    const { 'org.opencontainers.image.created': created, ...annotations } = manifest.annotations;
    assert.match(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual(annotations, {
      'org.opencontainers.image.description': 'The chart nginx',
      'org.opencontainers.image.title': 'nginx',
      'org.opencontainers.image.version': '0.1.0+b',
    });
    assert.deepEqual(Object.keys(manifest), ['schemaVersion', 'config', 'layers', 'annotations']);
    assert.deepEqual(manifest.layers, [
      {
        mediaType: mediaTypes.helm.chart,
        digest: digestOf('sha256', archive),
        size: archive.length,
      },
    ]);
    assert.equal(manifest.config.mediaType, mediaTypes.helm.config);
    const index = await server.fetch('guest', '/chartrepo/team/index.yaml');
    const { entries } = JSON.parse(await index.text());
    assert.equal(entries.nginx[0].version, '0.1.0+b');
  });

  test('takes the bytes alone, whatever type they are said to have', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const [index, type] of [
      undefined,
      'application/x-www-form-urlencoded',
      'application/json',
      'application/gzip',
    ].entries()) {
      const response = await server.fetch('developer', charts, {
        method: 'POST',
        body: bytesOf(chartArchive({ version: `0.${index}.0` })),
        ...(type !== undefined && { headers: { 'content-type': type } }),
      });
      assert.equal(response.status, 201, `as ${type}`);
    }
    assert.equal((await allCharts(server.database.read)).length, 4);
  });

  test('refuses a version that exists, unless it is forced', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const first = bytesOf(chartArchive());
    const second = bytesOf(chartArchive({ files: { 'values.yaml': 'a: 2\n' } }));
    assert.equal((await upload(server, first)).status, 201);
    const refused = await upload(server, second);
    assert.equal(refused.status, 409);
    assert.match(await messageOf(refused), /has the version 0\.1\.0 already.*\?force=true/);
    assert.equal((await upload(server, second, `${charts}?force=false`)).status, 409);
    assert.equal((await upload(server, second, `${charts}?force=true`)).status, 201);
    const file = await server.fetch('guest', '/chartrepo/team/charts/nginx-0.1.0.tgz');
    assert.deepEqual(Buffer.from(await file.arrayBuffer()), Buffer.from(second));
  });

  test('keeps provenance that comes with the chart or after it', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const archive = bytesOf(chartArchive());
    const prov = provenanceOf(archive);
    const path = '/chartrepo/team/charts/nginx-0.1.0.tgz.prov';
    assert.equal((await upload(server, formOf({ chart: archive, prov }))).status, 201);
    assert.equal(await (await server.fetch('guest', path)).text(), Buffer.from(prov).toString());

    assert.equal((await upload(server, archive, `${charts}?force`)).status, 201);
    assert.equal((await server.fetch('guest', path)).status, 404);
    const later = await upload(server, formOf({ prov }), '/api/chartrepo/team/prov');
    assert.equal(later.status, 201);
    assert.equal(await (await server.fetch('guest', path)).text(), Buffer.from(prov).toString());
  });

  test('refuses provenance of another archive', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const archive = bytesOf(chartArchive());
    const prov = provenanceOf(Buffer.from('another'));
    const refused = await upload(server, formOf({ chart: archive, prov }));
    assert.equal(refused.status, 400);
    assert.match(await messageOf(refused), /does not sign this archive/);
    const alone = await upload(server, prov, '/api/chartrepo/team/prov');
    assert.equal(alone.status, 400);
    assert.match(await messageOf(alone), /signs no chart of project team/);
    assert.deepEqual(await allCharts(server.database.read), []);
  });

  test('refuses what is no chart, with a sentence, and stores nothing', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    const cases: readonly (readonly [Body, RegExp])[] = [
      [bytesOf(Buffer.from('hello')), /gzip/],
      [bytesOf(Buffer.alloc(0)), /no chart/],
      [formOf({ other: bytesOf(chartArchive()) }), /no chart/],
      [bytesOf(chartArchive({ chartYaml: 'name: nginx\nversion: latest\n' })), /version/],
      [bytesOf(chartArchive({ chartYaml: 'name: nginx\nversion: 1.0.0\nhome: []' })), /home/],
      [bytesOf(chartArchive({ chartYaml: 'name: Nginx\nversion: 1.0.0' })), /repository's name/],
    ];
    for (const [body, reason] of cases) {
      const response = await upload(server, body);
      assert.equal(response.status, 400);
      assert.match(await messageOf(response), reason);
    }
    const broken = await server.fetch('developer', charts, {
      method: 'POST',
      body: 'no form',
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    assert.equal(broken.status, 400);
    const large = await upload(server, new Uint8Array(maximumUploadBytes + 1));
    assert.equal(large.status, 413);
    assert.deepEqual(await allCharts(server.database.read), []);
  });

  test('asks for the right to push, before a body is read', async () => {
    await using server = await startChartsServer();
    await server.addProject('team', { public: true });
    const body = bytesOf(chartArchive());
    for (const [user, status] of [
      ['guest', 403],
      [undefined, 401],
    ] as const) {
      for (const path of [charts, '/api/chartrepo/team/prov']) {
        const response = await server.fetch(user, path, { method: 'POST', body });
        assert.equal(response.status, status, path);
      }
    }
  });

  test('lets a system admin’s upload create the project', async () => {
    await using server = await startChartsServer();
    const body = bytesOf(chartArchive());
    const path = '/api/chartrepo/fresh/charts';
    assert.equal((await server.fetch('developer', path, { method: 'POST', body })).status, 403);
    assert.equal((await server.fetch('admin', path, { method: 'POST', body })).status, 201);
  });
});

describe('asking as ChartMuseum is asked', () => {
  test('tells charts, versions of one, and one version', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const version of ['0.1.0', '0.2.0']) {
      await upload(server, bytesOf(chartArchive({ version })));
    }
    const all = await (await server.fetch('guest', charts)).json();
    assert.deepEqual(Object.keys(all as object), ['nginx']);
    const versions = await (await server.fetch('guest', `${charts}/nginx`)).json();
    assert.deepEqual(
      (versions as { version: string }[]).map(({ version }) => version),
      ['0.2.0', '0.1.0'],
    );
    const one = await (await server.fetch('guest', `${charts}/nginx/0.1.0`)).json();
    assert.deepEqual((one as { urls: string[] }).urls, ['charts/nginx-0.1.0.tgz']);
    assert.equal((await server.fetch('guest', `${charts}/apache`)).status, 404);
    assert.equal((await server.fetch('guest', `${charts}/nginx/9.0.0`)).status, 404);
  });

  test('deletes a version with its artifact, for those who may', async () => {
    await using server = await startChartsServer();
    await server.addProject('team');
    for (const version of ['0.1.0', '0.2.0']) {
      await upload(server, bytesOf(chartArchive({ version })));
    }
    const path = `${charts}/nginx/0.1.0`;
    assert.equal((await server.fetch('developer', path, { method: 'DELETE' })).status, 403);
    const deleted = await server.fetch('maintainer', path, { method: 'DELETE' });
    assert.equal(deleted.status, 200);
    assert.deepEqual(await deleted.json(), { deleted: true });
    assert.equal((await server.fetch('maintainer', path, { method: 'DELETE' })).status, 404);
    assert.equal(await manifestOf(server.database.read, 'team/nginx', '0.1.0'), undefined);
    assert.notEqual(await manifestOf(server.database.read, 'team/nginx', '0.2.0'), undefined);
  });
});
