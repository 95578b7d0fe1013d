import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '#test/server.ts';
import { blobOf, emptyConfig, imageOf, indexOf } from './testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

const atOnce = 50;

onEveryDatabase('fifty requests at once', (registry) => {
  const all = <Result>(work: (count: number) => Promise<Result>) =>
    Promise.all(Array.from({ length: atOnce }, (_, count) => work(count)));

  const statusesOf = (replies: readonly Reply[]) => [
    ...new Set(replies.map(({ status }) => status)),
  ];

  async function tagsOf(repository: string): Promise<string[]> {
    const reply = await registry.call(`/v2/${repository}/tags/list`);
    return (reply.json() as { tags: string[] }).tags;
  }

  async function count(table: 'blobs' | 'manifests' | 'repositories' | 'projects', name: string) {
    const { read } = await registry.database();
    const column = table === 'blobs' || table === 'manifests' ? 'digest' : 'name';
    const rows = await read
      .selectFrom(table)
      .select('id')
      .where(column as 'name', '=', name)
      .execute();
    return rows.length;
  }

  test('may push the same blob, and it is kept once', async () => {
    const repository = registry.repository();
    const blob = blobOf(20_000);
    await all(() => registry.pushBlob(repository, blob));
    const { body } = await registry.call(`/v2/${repository}/blobs/${blob.digest}`);
    assert.ok(body.equals(blob.bytes));
    assert.equal(await count('blobs', blob.digest), 1);
  });

  test('may push the same blob to repositories that are all new', async () => {
    const blob = blobOf(20_000);
    const repositories = await all(async () => {
      const repository = registry.repository();
      await registry.pushBlob(repository, blob);
      return repository;
    });
    for (const repository of repositories) {
      expectStatus(await registry.call(`/v2/${repository}/blobs/${blob.digest}`), 200);
    }
    assert.equal(await count('blobs', blob.digest), 1);
  });

  test('may push to a project that is missing: it is created once, with all of them in it', async () => {
    const index = indexOf([]);
    const names = await all(async (each) => {
      const repository = `brand-new/app-${each % 10}`;
      expectStatus(await registry.pushManifest(repository, `t${each}`, index), 201);
      return repository;
    });
    assert.equal(await count('projects', 'brand-new'), 1);
    for (const repository of new Set(names)) {
      assert.equal(await count('repositories', repository), 1);
      assert.equal((await tagsOf(repository)).length, 5);
    }
  });

  test('may push different images to one repository, and none is lost', async () => {
    const repository = registry.repository();
    await registry.pushBlob(repository, emptyConfig);
    const digests = await all(async (each) => {
      const layer = await registry.pushBlob(repository, blobOf(500));
      const image = imageOf(emptyConfig, [layer]);
      expectStatus(await registry.pushManifest(repository, `t${each}`, image), 201);
      return image.digest;
    });
    assert.equal((await tagsOf(repository)).length, atOnce);
    for (const [each, digest] of digests.entries()) {
      const { headers } = await registry.call(`/v2/${repository}/manifests/t${each}`);
      assert.equal(headers['docker-content-digest'], digest);
    }
  });

  test('may push the same manifest under the same tags, in any order', async () => {
    const repository = registry.repository();
    const index = indexOf([], { annotations: { repository } });
    const replies = await all((each) => {
      const tags = each % 2 === 0 ? 'tag=a&tag=b&tag=c' : 'tag=c&tag=b&tag=a';
      return registry.pushManifest(repository, `${index.digest}?${tags}`, index);
    });
    assert.deepEqual(statusesOf(replies), [201]);
    assert.equal(await count('manifests', index.digest), 1);
    assert.deepEqual(await tagsOf(repository), ['a', 'b', 'c']);
  });

  test('may move one tag: it points at one of them in the end, and each is there', async () => {
    const repository = registry.repository();
    const digests = await all(async (each) => {
      const index = indexOf([], { annotations: { each: String(each) } });
      expectStatus(await registry.pushManifest(repository, 'latest', index), 201);
      return index.digest;
    });
    const { headers } = await registry.call(`/v2/${repository}/manifests/latest`);
    assert.ok(digests.includes(headers['docker-content-digest'] ?? ''));
    for (const digest of digests) {
      expectStatus(await registry.call(`/v2/${repository}/manifests/${digest}`), 200);
    }
  });

  test('may push and delete the same manifest, tag and blob: each reply is true to some order', async () => {
    const repository = registry.repository();
    const blob = blobOf(500);
    const image = imageOf(blob, []);
    const base = `/v2/${repository}`;
    const replies = await all(async (each) => {
      switch (each % 5) {
        case 0:
          return registry.call(`${base}/blobs/uploads/?digest=${blob.digest}`, {
            method: 'POST',
            body: blob.bytes,
          });
        case 1:
          return registry.pushManifest(repository, 'v1', image);
        case 2:
          return registry.call(`${base}/manifests/${image.digest}`, { method: 'DELETE' });
        case 3:
          return registry.call(`${base}/manifests/v1`, { method: 'DELETE' });
        default:
          return registry.call(`${base}/blobs/${blob.digest}`, { method: 'DELETE' });
      }
    });
    for (const { status, body } of replies) {
      assert.ok([201, 202, 400, 403, 404].includes(status), `${status} ${body}`);
    }
    await registry.pushBlob(repository, blob);
    expectStatus(await registry.pushManifest(repository, 'v1', image), 201);
    expectStatus(await registry.call(`${base}/manifests/v1`), 200);
  });

  test('may mount one blob', async () => {
    const blob = await registry.pushBlob(registry.repository(), blobOf(500));
    const target = registry.repository();
    const replies = await all(() =>
      registry.call(`/v2/${target}/blobs/uploads/?mount=${blob.digest}`, { method: 'POST' }),
    );
    assert.deepEqual(statusesOf(replies), [201]);
  });

  test('read what was pushed as soon as its push is answered', async () => {
    const repository = registry.repository();
    await all(async (each) => {
      const index = indexOf([], { annotations: { each: String(each) } });
      expectStatus(await registry.pushManifest(repository, `t${each}`, index), 201);
      const { headers } = await registry.call(`/v2/${repository}/manifests/t${each}`);
      assert.equal(headers['docker-content-digest'], index.digest);
      const path = `/v2/${repository}/manifests/t${each}`;
      expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
      expectStatus(await registry.call(path, { method: 'HEAD' }), 404);
    });
    assert.deepEqual(await tagsOf(repository), []);
  });
});
