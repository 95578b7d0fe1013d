import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { blobOf, indexOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

onEveryDatabase('a token that has expired', (registry) => {
  let alice = '';
  const scope = 'repository:team/app:pull,push,delete registry:catalog:*';
  before(async () => {
    alice = await registry.addUser('alice');
    await registry.addProject('team');
    await registry.addMember('team', 'alice', 'maintainer');
    await registry.pushImage('team/app', 'v1');
  });

  test('carries on an upload that it opened, to its end', async () => {
    const token = await registry.token(scope, alice);
    const old = await registry.expire(token, 23 * 60 * 60);
    const blob = blobOf(2_000);
    const upload = await registry.beginUpload('team/app', { token });
    for (const first of [0, 1_000]) {
      const patched = await registry.request(upload, {
        method: 'PATCH',
        token: old,
        headers: { 'content-range': `${first}-${first + 999}` },
        body: blob.bytes.subarray(first, first + 1_000),
      });
      expectStatus(patched, 202);
      expectStatus(await registry.request(upload, { token: old }), 204);
    }
    const path = `${upload}?digest=${blob.digest}`;
    expectStatus(await registry.request(path, { method: 'PUT', token: old }), 201);
    const cancelled = await registry.beginUpload('team/app', { token });
    expectStatus(await registry.request(cancelled, { method: 'DELETE', token: old }), 204);
  });

  test('opens nothing else, and clients are sent for another', async () => {
    const old = await registry.expire(await registry.token(scope, alice), 60);
    const { digest } = blobOf(8);
    const requests: [method: string, path: string][] = [
      ['GET', '/v2/'],
      ['GET', '/v2/_catalog'],
      ['GET', '/v2/team/app/manifests/v1'],
      ['HEAD', '/v2/team/app/manifests/v1'],
      ['PUT', '/v2/team/app/manifests/v2'],
      ['DELETE', '/v2/team/app/manifests/v1'],
      ['GET', '/v2/team/app/tags/list'],
      ['GET', `/v2/team/app/blobs/${digest}`],
      ['DELETE', `/v2/team/app/blobs/${digest}`],
      ['GET', `/v2/team/app/referrers/${digest}`],
      ['POST', '/v2/team/app/blobs/uploads/'],
      ['POST', `/v2/team/app/blobs/uploads/?mount=${digest}&from=team/app`],
    ];
    for (const [method, path] of requests) {
      const reply = await registry.request(path, { method, token: old });
      assert.equal(reply.status, 401, `${method} ${path}`);
      assert.match(reply.headers['www-authenticate'] ?? '', /error="invalid_token"/);
      if (method !== 'HEAD') expectRefusal(reply, 401, 'UNAUTHORIZED');
    }
    const index = indexOf([]);
    expectStatus(await registry.pushManifest('team/app', 'v3', index), 201);
  });

  test('carries on nothing that it was not asked for, and nothing after a day', async () => {
    const upload = await registry.beginUpload('team/app');
    const token = await registry.token(scope, alice);
    const pull = await registry.token('repository:team/app:pull', alice);
    for (const [bad, error] of [
      [await registry.expire(pull, 60), 'insufficient_scope'],
      [await registry.expire(token, 24 * 60 * 60 + 1), 'invalid_token'],
    ] as const) {
      const reply = await registry.request(upload, { token: bad });
      expectRefusal(reply, 401, 'UNAUTHORIZED');
      assert.match(reply.headers['www-authenticate'] ?? '', new RegExp(`error="${error}"`));
    }
  });

  test('carries on nothing once its user may not push, has another password or is gone', async () => {
    const bob = await registry.addUser('bob');
    await registry.addMember('team', 'bob', 'developer');
    const token = await registry.token(scope, bob);
    const old = await registry.expire(token, 60);
    const upload = await registry.beginUpload('team/app', { token });
    expectStatus(await registry.request(upload, { token: old }), 204);
    const { body } = await registry.call('/api/v2.0/projects/team/members?entityname=bob');
    const [{ id, entity_id: user }] = JSON.parse(body.toString());
    const member = `/api/v2.0/projects/team/members/${id}`;
    expectStatus(await registry.call(member, { method: 'DELETE' }), 200);
    expectRefusal(await registry.request(upload, { token: old }), 403, 'DENIED');
    await registry.addMember('team', 'bob', 'developer');
    expectStatus(await registry.request(upload, { token: old }), 204);
    const removed = await registry.call(`/api/v2.0/users/${user}`, { method: 'DELETE' });
    expectStatus(removed, 200);
    expectRefusal(await registry.request(upload, { token: old }), 401, 'UNAUTHORIZED');
  });
});
