import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blobOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

onEveryDatabase('the base of the registry', (registry) => {
  test('answers {} to who is signed in, by Basic or by token', async () => {
    const token = await registry.token('repository:team/app:pull', registry.server.admin);
    for (const credentials of [{ as: registry.server.admin }, { token }]) {
      for (const path of ['/v2/', '/v2']) {
        const reply = await registry.request(path, credentials);
        expectStatus(reply, 200);
        assert.deepEqual(reply.json(), {});
        assert.equal(reply.headers['docker-distribution-api-version'], 'registry/2.0');
      }
    }
  });

  test('challenges who is not, and blames nobody for an error', async () => {
    const reply = await registry.request('/v2/');
    expectRefusal(reply, 401, 'UNAUTHORIZED');
    assert.equal(
      reply.headers['www-authenticate'],
      `Bearer realm="${registry.server.origin}/service/token",service="harbor-registry"`,
    );
    assert.equal(reply.headers['docker-distribution-api-version'], 'registry/2.0');
  });

  test('names each request differently', async () => {
    const replies = await Promise.all(
      ['/v2/', '/v2/', '/v2/nothing'].map((path) => registry.call(path)),
    );
    assert.equal(new Set(replies.map(({ headers }) => headers['x-request-id'])).size, 3);
  });

  test('tells by Allow which methods a path takes, and all of those do apply', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const blob = await registry.pushBlob(repository, blobOf(8));
    const upload = await registry.beginUpload(repository);
    const paths = [
      '/v2/',
      '/v2/_catalog',
      `/v2/${repository}/tags/list`,
      `/v2/${repository}/referrers/${manifest.digest}`,
      `/v2/${repository}/manifests/v1`,
      `/v2/${repository}/blobs/${blob.digest}`,
      `/v2/${repository}/blobs/uploads/`,
      upload,
    ];
    const all = ['GET', 'HEAD', 'POST', 'PATCH', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'];
    for (const path of paths) {
      const refused = await registry.call(path, { method: 'OPTIONS' });
      expectRefusal(refused, 405, 'UNSUPPORTED');
      const allowed = (refused.headers.allow ?? '').split(', ');
      assert.ok(allowed.length >= 1 && allowed[0] !== '', path);
      for (const method of all) {
        const { status, headers } = await registry.call(path, { method });
        assert.equal(status !== 405, allowed.includes(method), `${method} ${path}: ${status}`);
        if (status === 405) assert.equal(headers.allow, allowed.join(', '));
      }
    }
  });

  test('knows no other endpoints', async () => {
    for (const path of [
      '/v2/nothing',
      '/v2/team/app',
      '/v2/team/app/tags',
      '/v2/team/app/tags/all',
    ]) {
      expectRefusal(await registry.call(path), 404, 'NAME_UNKNOWN');
    }
  });

  test('never answers a HEAD with a body, whatever the status', async () => {
    const repository = registry.repository();
    const { manifest, config } = await registry.pushImage(repository, 'v1');
    const paths = [
      '/v2/',
      '/v2/_catalog',
      '/v2/nothing',
      `/v2/${repository}/tags/list`,
      `/v2/${repository}/referrers/${manifest.digest}`,
      `/v2/${repository}/manifests/v1`,
      `/v2/${repository}/manifests/none`,
      `/v2/${repository}/blobs/${config.digest}`,
      `/v2/${repository}/blobs/${blobOf(8).digest}`,
      `/v2/${repository}/blobs/uploads/`,
    ];
    for (const path of paths) {
      for (const credentials of [{}, { as: registry.server.admin }]) {
        const head = await registry.request(path, { method: 'HEAD', ...credentials });
        const get = await registry.request(path, credentials);
        assert.equal(head.body.length, 0, path);
        if (path.endsWith('/uploads/')) continue;
        assert.equal(head.status, get.status, path);
        assert.equal(head.headers['content-length'], get.headers['content-length'], path);
        assert.equal(head.headers['content-type'], get.headers['content-type'], path);
      }
    }
  });
});
