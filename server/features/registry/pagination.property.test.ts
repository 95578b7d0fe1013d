import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nextLink } from '#oci/link.ts';
import { indexOf } from './testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

const names = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,3}$/);
/** What happens between two pages: a tag comes or goes. */
const changes = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('put' as const), name: names }),
    fc.record({ kind: fc.constant('delete' as const), name: fc.nat() }),
    fc.constant(undefined),
  ),
  { maxLength: 8 },
);

onEveryDatabase('a walk through the pages of tags', (registry) => {
  const index = indexOf([]);

  test('of any size yields each in order and once, and none that stayed is missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(names, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        changes,
        async (tags, size, between) => {
          const repository = registry.repository();
          const put = async (tag: string) =>
            expectStatus(await registry.pushManifest(repository, tag, index), 201);
          for (const tag of tags) await put(tag);
          const stayed = new Set(tags);
          const ever = new Set(tags);
          const seen: string[] = [];
          let next: string | undefined = `/v2/${repository}/tags/list?n=${size}`;
          for (let page = 0; next !== undefined; page += 1) {
            const reply = await registry.call(next);
            expectStatus(reply, 200);
            const { tags: shown } = reply.json() as { tags: string[] };
            assert.ok(shown.length <= size);
            seen.push(...shown);
            next = nextLink(reply.headers.link);
            assert.ok(next === undefined || shown.length === size, 'a page that is short leads on');
            const change = between[page];
            if (change?.kind === 'put') {
              ever.add(change.name);
              await put(change.name);
            } else if (change?.kind === 'delete') {
              const name = tags[change.name % tags.length] ?? '';
              const path = `/v2/${repository}/manifests/${name}`;
              if (stayed.delete(name)) {
                expectStatus(await registry.call(path, { method: 'DELETE' }), 202);
              }
            }
          }
          const bytes = (one: string, other: string) =>
            Buffer.compare(Buffer.from(one), Buffer.from(other));
          assert.deepEqual(seen, [...new Set(seen)].sort(bytes));
          assert.deepEqual(
            [...stayed].filter((tag) => !seen.includes(tag)),
            [],
          );
          assert.deepEqual(
            seen.filter((tag) => !ever.has(tag)),
            [],
          );
        },
      ),
      { seed: 20_261_124, numRuns: 25 },
    );
  });
});
