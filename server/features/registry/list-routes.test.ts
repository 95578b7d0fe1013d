import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Reply, RequestOptions } from '#test/server.ts';
import { indexOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

onEveryDatabase('a list', (registry) => {
  /** The path of the next page, which the Link header names in the one form that clients read. */
  function nextOf({ headers }: Reply): string | undefined {
    if (headers.link === undefined) return undefined;
    const path = /^<(\/v2\/[^<>]+)>; rel="next"$/.exec(headers.link)?.[1];
    assert.ok(path, headers.link);
    return path;
  }

  async function pages(path: string, options: RequestOptions = {}): Promise<string[][]> {
    const found: string[][] = [];
    for (let next: string | undefined = path; next !== undefined; ) {
      const reply: Reply = await registry.call(next, options);
      expectStatus(reply, 200);
      assert.equal(reply.headers['content-type'], 'application/json');
      const body = reply.json() as { tags?: string[]; repositories?: string[] };
      found.push(body.tags ?? body.repositories ?? []);
      next = nextOf(reply);
    }
    return found;
  }

  async function tagged(tags: readonly string[]): Promise<string> {
    const repository = registry.repository();
    const index = indexOf([]);
    for (const tag of tags) {
      expectStatus(await registry.pushManifest(repository, tag, index), 201);
    }
    return repository;
  }

  test('of tags is in the order of their bytes, and whole without a page size', async () => {
    const repository = await tagged(['b', 'a', 'B', '_x', '1.10', '1.9', 'a-b', 'a.b', 'aa']);
    const reply = await registry.call(`/v2/${repository}/tags/list`);
    assert.deepEqual(reply.json(), {
      name: repository,
      tags: ['1.10', '1.9', 'B', '_x', 'a', 'a-b', 'a.b', 'aa', 'b'],
    });
    assert.equal(reply.headers.link, undefined);
  });

  test('of tags comes in pages that lead to each other', async () => {
    const repository = await tagged(['a', 'b', 'c', 'd', 'e']);
    const path = `/v2/${repository}/tags/list`;
    assert.deepEqual(await pages(`${path}?n=2`), [['a', 'b'], ['c', 'd'], ['e']]);
    assert.deepEqual(await pages(`${path}?n=5`), [['a', 'b', 'c', 'd', 'e']]);
    assert.deepEqual(await pages(`${path}?n=999999999`), [['a', 'b', 'c', 'd', 'e']]);
    assert.deepEqual(await pages(`${path}?n=0`), [[]]);
    assert.deepEqual(await pages(`${path}?n=0&last=b`), [[]]);
  });

  test('of tags goes on behind a tag, whether it exists or not', async () => {
    const repository = await tagged(['a', 'c', 'e']);
    const path = `/v2/${repository}/tags/list?last=`;
    const behind: Record<string, string[]> = {
      a: ['c', 'e'],
      b: ['c', 'e'],
      cc: ['e'],
      e: [],
      z: [],
      '': ['a', 'c', 'e'],
      '%C3%A9': [],
    };
    for (const [last, tags] of Object.entries(behind)) {
      assert.deepEqual(await pages(path + last), [tags], last);
    }
  });

  test('of tags of what is not there, or emptied, is told so', async () => {
    const repository = await tagged(['a']);
    expectRefusal(await registry.call(`/v2/${repository}-x/tags/list`), 404, 'NAME_UNKNOWN');
    const path = `/v2/${repository}/manifests/a`;
    expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
    assert.deepEqual(await pages(`/v2/${repository}/tags/list`), [[]]);
  });

  test('refuses a page that cannot be', async () => {
    const repository = await tagged(['a']);
    const pages = ['n=-1', 'n=x', 'n=1.5', 'n=', 'n=1e3', `last=${'x'.repeat(600)}`, 'last=%00'];
    for (const path of [`/v2/${repository}/tags/list`, '/v2/_catalog']) {
      for (const page of pages) {
        const reply = await registry.call(`${path}?${page}`);
        expectRefusal(reply, 400, 'PAGINATION_NUMBER_INVALID');
      }
    }
  });

  test('of a thousand tags is whole at once for who wants all of them', async () => {
    const repository = registry.repository();
    const index = indexOf([]);
    const names = Array.from({ length: 1_000 }, (_, count) => `t${String(count).padStart(4, '0')}`);
    for (let start = 0; start < names.length; start += 100) {
      const query = names.slice(start, start + 100).map((name) => `tag=${name}`);
      const reference = `${index.digest}?${query.join('&')}`;
      expectStatus(await registry.pushManifest(repository, reference, index), 201);
    }
    assert.deepEqual(await pages(`/v2/${repository}/tags/list`), [names]);
    assert.deepEqual((await pages(`/v2/${repository}/tags/list?n=300`)).flat(), names);
  });
});

onEveryDatabase('the catalog', (registry) => {
  let alice = '';
  before(async () => {
    alice = await registry.addUser('alice');
    await registry.addProject('open', { public: true });
    await registry.addProject('mine');
    await registry.addMember('mine', 'alice', 'guest');
    for (const name of ['closed/b', 'closed/a', 'mine/x', 'open/z', 'open/y/deep']) {
      expectStatus(await registry.pushManifest(name, 'v1', indexOf([])), 201);
    }
  });

  const names = async (query: string, options: RequestOptions) => {
    const reply = await registry.request(`/v2/_catalog${query}`, options);
    expectStatus(reply, 200);
    return (reply.json() as { repositories: string[] }).repositories;
  };

  test('names to each caller what it may pull', async () => {
    const all = ['closed/a', 'closed/b', 'mine/x', 'open/y/deep', 'open/z'];
    const admin = registry.server.admin;
    const scope = 'registry:catalog:*';
    assert.deepEqual(await names('', { as: admin }), all);
    assert.deepEqual(await names('', { token: await registry.token(scope, admin) }), all);
    const forAlice = ['mine/x', 'open/y/deep', 'open/z'];
    assert.deepEqual(await names('', { as: alice }), forAlice);
    assert.deepEqual(await names('', { token: await registry.token(scope, alice) }), forAlice);
    const forAll = ['open/y/deep', 'open/z'];
    assert.deepEqual(await names('', { token: await registry.token(scope) }), forAll);
  });

  test('comes in pages', async () => {
    const first = await registry.request('/v2/_catalog?n=2', { as: alice });
    assert.deepEqual(first.json(), { repositories: ['mine/x', 'open/y/deep'] });
    assert.equal(first.headers.link, '</v2/_catalog?n=2&last=open%2Fy%2Fdeep>; rel="next"');
    assert.deepEqual(await names('?n=2&last=open%2Fy%2Fdeep', { as: alice }), ['open/z']);
    assert.deepEqual(await names('?n=0', { as: alice }), []);
    assert.deepEqual(await names('?last=closed/a&n=1', { as: registry.server.admin }), [
      'closed/b',
    ]);
  });
});
