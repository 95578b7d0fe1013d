import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Reply, startServer, type TestServer } from '#test/server.ts';

describe('a stranger at a private repository', () => {
  const stranger = 'sam:sam-only-looks-on';
  const manifest = '/v2/private/app/manifests/1.0';
  let server: TestServer;

  before(async () => {
    server = await startServer();
    await create('users', { username: 'sam', password: 'sam-only-looks-on' });
    await create('projects', { project_name: 'private' });
  });
  after(() => server.stop());

  async function create(what: string, body: object): Promise<void> {
    const { status } = await server.request(`/api/v2.0/${what}`, {
      method: 'POST',
      as: server.admin,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(status, 201);
  }

  async function tokenFor(actions: string): Promise<string> {
    const reply = await server.request(
      `/service/token?service=harbor-registry&scope=repository:private/app:${actions}`,
      { as: stranger },
    );
    return (reply.json() as { token: string }).token;
  }

  function sentenceOf(reply: Reply): string {
    const { errors } = reply.json() as { errors: { message: string }[] };
    return errors[0]?.message ?? '';
  }

  test('who pulls is told in the challenge, also of a HEAD', async () => {
    const token = await tokenFor('pull');
    for (const method of ['GET', 'HEAD']) {
      const reply = await server.request(manifest, { method, token });
      assert.equal(reply.status, 401);
      assert.match(
        reply.headers['www-authenticate'] ?? '',
        /error="user sam has no pull on private\/app: an admin of private can run berth member add/,
      );
    }
  });

  test('who pushes finds nothing with HEAD, and is told by what comes next', async () => {
    const token = await tokenFor('pull,push');
    const look = await server.request(manifest, { method: 'HEAD', token });
    assert.equal(look.status, 404);
    const push = await server.request('/v2/private/app/blobs/uploads/', { method: 'POST', token });
    assert.equal(push.status, 403);
    assert.match(sentenceOf(push), /^user sam has no push on private\/app: .*--role developer$/);
    assert.equal((await server.request(manifest, { token })).status, 401);
  });
});
