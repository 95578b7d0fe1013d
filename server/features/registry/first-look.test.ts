import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

/** What clients do before they do what they were told to. */
onEveryDatabase('the first look of a client', (registry) => {
  const people = { alice: '' };
  const manifest = '/v2/closed/app/manifests/v1';
  before(async () => {
    people.alice = await registry.addUser('alice');
    await registry.addProject('open', { public: true });
    await registry.addProject('closed');
    await registry.pushImage('open/app', 'v1');
    await registry.pushImage('closed/app', 'v1');
  });

  test('by HEAD with a token for a pull is refused in the challenge', async () => {
    const token = await registry.token('repository:closed/app:pull', people.alice);
    const reply = await registry.request(manifest, { method: 'HEAD', token });
    expectStatus(reply, 401);
    assert.match(
      reply.headers['www-authenticate'] ?? '',
      /error="user alice has no pull on closed\/app: an admin of closed can run berth member add/,
    );
  });

  test('by HEAD with a token for a push finds nothing, and the push is told why', async () => {
    const token = await registry.token('repository:closed/app:pull,push', people.alice);
    expectStatus(await registry.request(manifest, { method: 'HEAD', token }), 404);
    const push = await registry.request('/v2/closed/app/blobs/uploads/', { method: 'POST', token });
    assert.match(
      expectRefusal(push, 403, 'DENIED'),
      /^user alice has no push on closed\/app: .*--role developer$/,
    );
    expectRefusal(await registry.request(manifest, { token }), 401, 'UNAUTHORIZED');
  });

  test('at the catalog without credentials is sent for a token, whoever asks for it', async () => {
    const reply = await registry.request('/v2/_catalog');
    expectRefusal(reply, 401, 'UNAUTHORIZED');
    assert.match(reply.headers['www-authenticate'] ?? '', /scope="registry:catalog:\*"$/);
    const token = await registry.token('registry:catalog:*');
    const catalog = await registry.request('/v2/_catalog', { token });
    assert.deepEqual(catalog.json(), { repositories: ['open/app'] });
  });
});
