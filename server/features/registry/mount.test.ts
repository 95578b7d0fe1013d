import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { blobOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

onEveryDatabase('a mount', (registry) => {
  let alice = '';
  before(async () => {
    alice = await registry.addUser('alice');
    for (const project of ['team', 'friends', 'secret']) await registry.addProject(project);
    await registry.addMember('team', 'alice', 'developer');
    await registry.addMember('friends', 'alice', 'guest');
  });

  const mount = (
    target: string,
    digest: string,
    options: { from?: string; token?: string } = {},
  ) => {
    const from = options.from === undefined ? '' : `&from=${options.from}`;
    const path = `/v2/${target}/blobs/uploads/?mount=${digest}${from}`;
    const credentials = options.token === undefined ? { as: alice } : { token: options.token };
    return registry.request(path, { method: 'POST', ...credentials });
  };

  /** Checks that the reply opened an upload instead, that nothing was linked, and that pushing works. */
  async function expectUpload(
    reply: Awaited<ReturnType<typeof mount>>,
    target: string,
    digest: string,
  ) {
    expectStatus(reply, 202);
    assert.equal(reply.headers.range, '0-0');
    const path = `/v2/${target}/blobs/${digest}`;
    expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
    const other = blobOf(32);
    const finished = await registry.request(`${reply.headers.location}?digest=${other.digest}`, {
      method: 'PUT',
      body: other.bytes,
      as: alice,
    });
    expectStatus(finished, 201);
    expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
  }

  test('from a repository that the caller may pull links the blob', async () => {
    for (const project of ['team', 'friends']) {
      const source = registry.repository(project);
      const target = registry.repository();
      const blob = await registry.pushBlob(source, blobOf(64));
      const reply = await mount(target, blob.digest, { from: source });
      expectStatus(reply, 201);
      assert.equal(reply.headers.location, `/v2/${target}/blobs/${blob.digest}`);
      assert.equal(reply.headers['docker-content-digest'], blob.digest);
      const read = await registry.request(reply.headers.location ?? '', { as: alice });
      assert.ok(read.body.equals(blob.bytes));
    }
  });

  test('without a source finds one that the caller may pull', async () => {
    const blob = await registry.pushBlob(registry.repository('friends'), blobOf(64));
    const target = registry.repository();
    expectStatus(await mount(target, blob.digest), 201);
    expectStatus(await registry.call(`/v2/${target}/blobs/${blob.digest}`), 200);
  });

  test('of what no such repository holds opens an upload', async () => {
    const empty = registry.repository();
    await registry.pushBlob(empty, blobOf(8));
    const { digest } = blobOf(64);
    for (const from of [undefined, empty, 'team/absent', 'absent/app', 'alone']) {
      const target = registry.repository();
      await expectUpload(
        await mount(target, digest, from === undefined ? {} : { from }),
        target,
        digest,
      );
    }
  });

  test('from a project that the caller may not pull opens an upload, and never links', async () => {
    const source = registry.repository('secret');
    const { digest } = await registry.pushBlob(source, blobOf(64));
    const target = registry.repository();
    await expectUpload(await mount(target, digest, { from: source }), target, digest);
    await expectUpload(await mount(target, digest), target, digest);
    const scope = `repository:${target}:pull,push repository:${source}:pull`;
    const token = await registry.token(scope, alice);
    await expectUpload(await mount(target, digest, { from: source, token }), target, digest);
  });

  test('by a token links from the same project unasked, from another only when it was asked', async () => {
    const target = registry.repository();
    const token = await registry.token(`repository:${target}:pull,push`, alice);
    const near = await registry.pushBlob(registry.repository(), blobOf(64));
    expectStatus(await mount(target, near.digest, { token }), 201);
    const source = registry.repository('friends');
    const far = await registry.pushBlob(source, blobOf(64));
    await expectUpload(
      await mount(target, far.digest, { from: source, token }),
      target,
      far.digest,
    );
    const scope = `repository:${target}:pull,push repository:${source}:pull`;
    const both = await registry.token(scope, alice);
    expectStatus(await mount(target, far.digest, { from: source, token: both }), 201);
  });

  test('finds the near repository of a blob that very many hold', async () => {
    const blob = blobOf(64);
    const near = await registry.pushBlob(registry.repository(), blob);
    for (let count = 0; count < 55; count += 1) {
      await registry.pushBlob(registry.repository('secret'), blob);
    }
    expectStatus(await mount(registry.repository(), near.digest), 201);
  });

  test('without credentials is challenged for both scopes', async () => {
    const target = registry.repository();
    const path = `/v2/${target}/blobs/uploads/?mount=${blobOf(8).digest}&from=friends/app`;
    const reply = await registry.request(path, { method: 'POST' });
    expectRefusal(reply, 401, 'UNAUTHORIZED');
    assert.match(
      reply.headers['www-authenticate'] ?? '',
      new RegExp(`scope="repository:${target}:pull,push repository:friends/app:pull"$`),
    );
  });

  test('from what can be no repository is refused, whatever is in the name', async () => {
    const { digest } = blobOf(8);
    for (const from of ['', 'Team/app', 'a"b/c', '%0d%0aX:%20y/z', '%C3%A9/x', '../../x']) {
      const path = `/v2/${registry.repository()}/blobs/uploads/?mount=${digest}&from=${from}`;
      for (const credentials of [{}, { as: alice }]) {
        const reply = await registry.request(path, { method: 'POST', ...credentials });
        expectRefusal(reply, 400, 'NAME_INVALID');
      }
    }
  });
});
