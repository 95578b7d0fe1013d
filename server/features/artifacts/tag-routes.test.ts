import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Tag } from '#contract/artifacts.ts';
import { eventsOf } from './testing/queries.ts';
import { startArtifactsServer } from './testing/server.ts';

const tags = '/app/artifacts/v1/tags';

function named(name: unknown): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify({ id: 0, name, push_time: '0001-01-01T00:00:00Z' }),
  };
}

describe('the tags of an artifact', () => {
  test('can be added, and are told to those who listen', async () => {
    await using server = await startArtifactsServer();
    const digest = await server.pushImage({ repository: 'team/app', tag: 'v1' });
    const created = await server.fetch('developer', tags, named('latest'));
    assert.equal(created.status, 201);
    assert.equal(
      created.headers.get('location'),
      '/api/v2.0/projects/team/repositories/app/artifacts/v1/tags/latest',
    );
    const event = (await eventsOf(server.database.read)).at(-1);
    assert.equal(event?.type, 'manifest.pushed');
    assert.equal(event?.digest, digest);
    assert.deepEqual(event?.tags, ['latest']);
    const list = await server.fetch('guest', `${tags}?page_size=1`);
    assert.equal(list.headers.get('x-total-count'), '2');
    const filtered = await server.fetch('guest', `${tags}?q=name=~LAT`);
    assert.deepEqual(
      ((await filtered.json()) as Tag[]).map(({ name }) => name),
      ['latest'],
    );
  });

  test('stay where they point, and keep to their grammar', async () => {
    await using server = await startArtifactsServer();
    await server.pushImage({ repository: 'team/app', tag: 'v1' });
    await server.pushImage({ repository: 'team/app', tag: 'v2', annotations: { other: 'yes' } });
    assert.equal((await server.fetch('developer', tags, named('v2'))).status, 409);
    assert.equal((await server.fetch('developer', tags, named('-v'))).status, 400);
    assert.equal((await server.fetch('developer', tags, named(''))).status, 400);
    assert.equal((await server.fetch('developer', tags, named(7))).status, 400);
    assert.equal((await server.fetch('guest', tags, named('v3'))).status, 403);
  });

  test('are deleted one by one, and leave the artifact', async () => {
    await using server = await startArtifactsServer();
    const digest = await server.pushImage({ repository: 'team/app', tag: 'v1' });
    await server.pushImage({ repository: 'team/app', tag: 'v2', annotations: { other: 'yes' } });
    const path = `/app/artifacts/${digest}/tags`;
    const init = { method: 'DELETE' };
    assert.equal((await server.fetch('developer', `${path}/v1`, init)).status, 403);
    assert.equal((await server.fetch('maintainer', `${path}/v2`, init)).status, 404);
    assert.equal((await server.fetch('maintainer', `${path}/v1`, init)).status, 200);
    assert.equal((await server.fetch('maintainer', `${path}/v1`, init)).status, 404);
    assert.equal((await server.fetch('guest', `/app/artifacts/${digest}`)).status, 200);
    assert.equal((await server.fetch('guest', '/app/artifacts/v1')).status, 404);
  });
});
