import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Reply } from '#test/server.ts';
import { blobOf, indexOf } from './testing/content.suite.ts';
import {
  expectRefusal,
  expectStatus,
  type Image,
  onEveryDatabase,
} from './testing/registry.suite.ts';

/** The parameters of a challenge. */
function challengeOf({ headers }: Reply): Record<string, string> {
  const header = headers['www-authenticate'] ?? '';
  assert.match(header, /^Bearer /);
  return Object.fromEntries(
    [...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

onEveryDatabase('a caller without the right', (registry) => {
  const people = { alice: '', bob: '' };
  let image: Image;
  before(async () => {
    people.alice = await registry.addUser('alice');
    people.bob = await registry.addUser('bob');
    await registry.addProject('open', { public: true });
    await registry.addProject('closed');
    await registry.addMember('closed', 'bob', 'guest');
    image = await registry.pushImage('closed/app', 'v1');
    await registry.pushImage('open/app', 'v1');
  });

  const manifest = '/v2/closed/app/manifests/v1';

  test('and without credentials gets a challenge that blames no error', async () => {
    const reply = await registry.request(manifest);
    expectRefusal(reply, 401, 'UNAUTHORIZED');
    assert.deepEqual(challengeOf(reply), {
      realm: `${registry.server.origin}/service/token`,
      service: 'harbor-registry',
      scope: 'repository:closed/app:pull',
    });
  });

  test('is told why in the challenge and in the message, by the same sentence', async () => {
    const scope = 'repository:closed/app:pull';
    const callers = {
      'an anonymous caller has no pull on closed/app': { token: await registry.token(scope) },
      'user alice has no pull on closed/app': { token: await registry.token(scope, people.alice) },
      'user alice has no pull': { as: people.alice },
    };
    for (const [beginning, credentials] of Object.entries(callers)) {
      for (const method of ['GET', 'HEAD']) {
        const reply = await registry.request(manifest, { method, ...credentials });
        const { error = '', scope: asked } = challengeOf(reply);
        assert.ok(error.startsWith(beginning), error);
        assert.match(error, /: (sign in|an admin of closed can run berth member add closed alice)/);
        assert.ok(error.length <= 256);
        assert.match(error, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
        assert.equal(asked, scope);
        if (method === 'GET') assert.equal(expectRefusal(reply, 401, 'UNAUTHORIZED'), error);
      }
    }
  });

  test('whose token never asked is told exactly insufficient_scope', async () => {
    const tokens = {
      other: await registry.token('repository:open/app:pull', registry.server.admin),
      none: await registry.token('', registry.server.admin),
      anonymous: await registry.token('repository:open/app:pull'),
    };
    for (const token of Object.values(tokens)) {
      const reply = await registry.request(manifest, { token });
      assert.match(
        expectRefusal(reply, 401, 'UNAUTHORIZED'),
        /was not asked for pull on closed\/app/,
      );
      assert.equal(challengeOf(reply).error, 'insufficient_scope');
      assert.equal(challengeOf(reply).scope, 'repository:closed/app:pull');
    }
    const pull = await registry.token('repository:closed/app:pull', registry.server.admin);
    const beyond: [method: string, path: string, scope: string][] = [
      ['POST', '/v2/closed/app/blobs/uploads/', 'repository:closed/app:pull,push'],
      ['PUT', manifest, 'repository:closed/app:pull,push'],
      ['DELETE', manifest, 'repository:closed/app:delete'],
      ['GET', '/v2/_catalog', 'registry:catalog:*'],
    ];
    for (const [method, path, scope] of beyond) {
      const reply = await registry.request(path, { method, token: pull });
      expectRefusal(reply, 401, 'UNAUTHORIZED');
      assert.equal(challengeOf(reply).error, 'insufficient_scope');
      assert.equal(challengeOf(reply).scope, scope);
    }
  });

  test('cannot tell a repository that is closed from one that is not there', async () => {
    const paths = (repository: string) => [
      `/v2/${repository}/manifests/v1`,
      `/v2/${repository}/manifests/${image.manifest.digest}`,
      `/v2/${repository}/blobs/${image.config.digest}`,
      `/v2/${repository}/tags/list`,
      `/v2/${repository}/referrers/${image.manifest.digest}`,
    ];
    const credentials = async (repository: string) => {
      const scope = `repository:${repository}:pull,push,delete`;
      return [
        {},
        { as: people.alice },
        { token: await registry.token(scope) },
        { token: await registry.token(scope, people.alice) },
      ];
    };
    /** All that is told of a repository, with its name and what differs each time taken out. */
    const told = async (repository: string) => {
      const [project = ''] = repository.split('/');
      const replies: string[] = [];
      for (const each of await credentials(repository)) {
        for (const path of paths(repository)) {
          for (const method of ['GET', 'HEAD', 'DELETE', 'PUT', 'PATCH', 'POST']) {
            const { status, headers, body } = await registry.request(path, { method, ...each });
            assert.ok([401, 403, 404, 405].includes(status), `${method} ${path}: ${status}`);
            const told = JSON.stringify({ ...headers, date: '', 'x-request-id': '' });
            replies.push(`${status} ${told} ${body}`.replaceAll(project, 'PROJECT'));
          }
        }
      }
      return replies;
    };
    assert.deepEqual(await told('cl0sed/app'), await told('closed/app'));
  });

  test('gets 401 on a HEAD where who may read gets 404', async () => {
    const path = '/v2/closed/absent/manifests/v1';
    expectStatus(await registry.request(path, { method: 'HEAD', as: people.bob }), 404);
    expectStatus(await registry.request(path, { method: 'HEAD', as: registry.server.admin }), 404);
    expectStatus(await registry.request(path, { method: 'HEAD', as: people.alice }), 401);
    expectStatus(await registry.request(path, { method: 'HEAD' }), 401);
  });

  test('is not told the tags of a repository that it may not read', async () => {
    const reply = await registry.request('/v2/closed/app/manifests/v2', { as: people.alice });
    assert.doesNotMatch(expectRefusal(reply, 401, 'UNAUTHORIZED'), /v1/);
    const reader = await registry.request('/v2/closed/app/manifests/v2', { as: people.bob });
    assert.match(expectRefusal(reader, 404, 'MANIFEST_UNKNOWN'), /nearest tags are v1/);
  });

  test('to push or delete is told the command that gives it', async () => {
    const index = indexOf([]);
    const push = (as: string, repository: string) =>
      registry.request(`/v2/${repository}/manifests/v1`, {
        method: 'PUT',
        as,
        headers: { 'content-type': index.mediaType },
        body: index.bytes,
      });
    const alice = expectRefusal(await push(people.alice, 'closed/app'), 403, 'DENIED');
    assert.match(
      alice,
      /user alice has no push on closed\/app.*berth member add closed alice --role developer/,
    );
    const bob = expectRefusal(await push(people.bob, 'closed/app'), 403, 'DENIED');
    assert.match(
      bob,
      /user bob has no push on closed\/app.*berth member add closed bob --role developer/,
    );
    const upload = await registry.request('/v2/closed/app/blobs/uploads/', {
      method: 'POST',
      as: people.bob,
    });
    assert.equal(expectRefusal(upload, 403, 'DENIED'), bob);
    const removed = await registry.request(manifest, { method: 'DELETE', as: people.bob });
    assert.match(
      expectRefusal(removed, 403, 'DENIED'),
      /berth member add closed bob --role maintainer/,
    );
    expectStatus(await registry.call(manifest), 200);
    const anonymous = await registry.request('/v2/open/app/blobs/uploads/', { method: 'POST' });
    expectRefusal(anonymous, 401, 'UNAUTHORIZED');
  });

  test('and a missing project are cured by the same command, which an admin does not need', async () => {
    const index = indexOf([]);
    const reply = await registry.request('/v2/fresh/app/manifests/v1', {
      method: 'PUT',
      as: people.alice,
      headers: { 'content-type': index.mediaType },
      body: index.bytes,
    });
    assert.match(expectRefusal(reply, 403, 'DENIED'), /berth project create fresh/);
    expectStatus(await registry.pushManifest('fresh/app', 'v1', index), 201);
    expectStatus(await registry.call('/v2/fresh/app/manifests/v1'), 200);
    expectStatus(await registry.request('/v2/fresh/app/manifests/v1'), 401);
    const reserved = await registry.pushManifest('berth/mine', 'v1', index);
    expectRefusal(reserved, 403, 'DENIED');
  });

  test('who may pull a public project may do so signed in or not', async () => {
    const scope = 'repository:open/app:pull';
    for (const credentials of [
      {},
      { as: people.alice },
      { token: await registry.token(scope) },
      { token: await registry.token(scope, people.alice) },
    ]) {
      expectStatus(await registry.request('/v2/open/app/manifests/v1', credentials), 200);
      const tags = await registry.request('/v2/open/app/tags/list', credentials);
      expectStatus(tags, 200);
    }
    expectStatus(await registry.request('/v2/open/app/manifests/v9'), 404);
  });

  test('gains and loses the right with the next request, by the same token', async () => {
    const scope = 'repository:closed/app:pull';
    const carol = await registry.addUser('carol');
    const token = await registry.token(scope, carol);
    expectStatus(await registry.request(manifest, { token }), 401);
    await registry.addMember('closed', 'carol', 'guest');
    expectStatus(await registry.request(manifest, { token }), 200);
    const members = await registry.call('/api/v2.0/projects/closed/members?entityname=carol');
    const [{ id }] = members.json() as [{ id: number }];
    const path = `/api/v2.0/projects/closed/members/${id}`;
    expectStatus(await registry.call(path, { method: 'DELETE' }), 200);
    expectStatus(await registry.request(manifest, { token }), 401);
  });

  test('and wrong credentials is told so, even where anybody may pull', async () => {
    for (const [authorization, sentence] of [
      [`Basic ${btoa('alice:wrong-password')}`, /alice/],
      ['Basic ???', /Basic/],
      ['Bearer', /token/],
      ['Digest x', /Basic or Bearer/],
      ['Bearer not.a.token', /cannot be read/],
    ] as const) {
      const reply = await registry.request('/v2/open/app/manifests/v1', {
        headers: { authorization },
      });
      assert.match(expectRefusal(reply, 401, 'UNAUTHORIZED'), sentence);
      assert.equal(challengeOf(reply).error, 'invalid_token');
    }
  });

  test('who guesses passwords is told when to come back', async () => {
    const guess = (count: number) =>
      registry.request(manifest, {
        headers: { authorization: `Basic ${btoa(`dave:guess-number-${count}`)}` },
      });
    for (let count = 0; count < 10; count += 1) expectStatus(await guess(count), 401);
    const reply = await guess(10);
    assert.match(expectRefusal(reply, 429, 'TOOMANYREQUESTS'), /wait \d+ seconds/);
    const wait = Number(reply.headers['retry-after']);
    assert.ok(wait >= 1 && wait <= 300, String(wait));
    expectStatus(await registry.request(manifest, { as: people.bob }), 200);
    expectStatus(await registry.request(`/v2/open/app/blobs/${blobOf(8).digest}`), 404);
  });
});
