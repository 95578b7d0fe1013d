import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Artifact, Tag } from '#contract/artifacts.ts';
import { hexOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { type Postgres, skipWithoutPostgres, startPostgres } from '#test/postgres.ts';
import { startArtifactsServer } from './testing/server.ts';

const layer = { mediaType: mediaTypes.oci.layerGzip, bytes: 'a layer' };
const child = { mediaType: mediaTypes.oci.config, bytes: '{"os":"linux"}' };

describe('artifacts over PostgreSQL', { skip: skipWithoutPostgres() }, () => {
  let postgres: Postgres;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  test('are listed, filtered, tagged and deleted as over SQLite', async () => {
    await using server = await startArtifactsServer({
      postgresUrl: await postgres.createDatabase(),
    });
    const repository = 'team/app';
    const part = await server.pushImage({ repository, config: child, layers: [layer] });
    await server.pushIndex({ repository, tag: 'multi', children: [{ digest: part }] });
    const subject = await server.pushImage({ repository, tag: 'v1', layers: [layer] });
    await server.pushImage({ repository, subject, artifactType: mediaTypes.cosign.bundle });
    await server.pushImage({
      repository,
      tag: `sha256-${hexOf(subject)}.sig`,
      layers: [{ ...layer, bytes: 'signature' }],
    });
    const namesOf = async (query: string) => {
      const response = await server.fetch('guest', `/app/artifacts?${query}`);
      assert.equal(response.status, 200, query);
      const artifacts = (await response.json()) as Artifact[];
      return artifacts.map(({ tags, size, accessories }) => [
        tags[0]?.name,
        size,
        accessories.length,
      ]);
    };
    const multi = ['multi', child.bytes.length + 7, 0];
    const single = ['v1', '{}'.length + 7, 2];
    assert.deepEqual(await namesOf('sort=-size'), [multi, single]);
    assert.deepEqual(await namesOf('q=type=IMAGE&sort=size'), [single, multi]);
    assert.deepEqual(await namesOf('q=tags=~V'), [single]);
    assert.deepEqual(await namesOf('q=tags={v1 v2},media_type=x'), []);
    assert.deepEqual(await namesOf('q=tags=nil'), []);
    const path = '/app/artifacts/v1/tags';
    const named = { method: 'POST', body: JSON.stringify({ name: 'latest' }) };
    assert.equal((await server.fetch('developer', path, named)).status, 201);
    assert.equal((await server.fetch('developer', path, named)).status, 409);
    const tags = (await (await server.fetch('guest', path)).json()) as Tag[];
    assert.deepEqual(
      tags.map(({ name }) => name),
      ['latest', 'v1'],
    );
    const init = { method: 'DELETE' };
    assert.equal((await server.fetch('maintainer', `${path}/latest`, init)).status, 200);
    assert.equal((await server.fetch('maintainer', '/app/artifacts/v1', init)).status, 200);
    assert.equal((await server.fetch('guest', '/app/artifacts/v1')).status, 404);
  });
});
