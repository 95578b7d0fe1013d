import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { agentRepository } from '#contract/names.ts';
import { deleteTag } from '#features/registry';
import { parseManifest } from '#oci/manifest.ts';
import { onBothDatabases } from '#test/databases.ts';
import { type AgentImage, createAgentImages, createOwnCharts } from './index.ts';
import { manifestOfDigest, manifestOfTag } from './queries.ts';
import { openTestRegistry, type TestRegistry } from './testing/registry.ts';

const version = '1.2.3';
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), (name, open) => {
  describe(`the agent's image, on ${name}`, () => {
    let opened: TestRegistry;
    let pushes: object[];
    let releases = 0;

    /** As a server that has just started. */
    function provider(ofVersion = version): () => Promise<AgentImage> {
      return createAgentImages({
        ...opened,
        provideChart: createOwnCharts({ ...opened, now: Date.now }),
        version: ofVersion,
        log: { info: (fields: object) => pushes.push(fields), warn: assert.fail },
        releaseMemory: () => {
          releases += 1;
        },
        now: Date.now,
      }).provide;
    }

    before(async () => {
      opened = await openTestRegistry(open);
      pushes = [];
    });
    after(() => opened.close());

    test('is built once, pushed with the version and as the latest, and open to anybody', async () => {
      const provide = provider();
      const [image, other] = await Promise.all([provide(), provide()]);
      assert.equal(image, other);
      assert.deepEqual(
        { repository: image.repository, tag: image.tag, architectures: image.architectures },
        { repository: agentRepository, tag: version, architectures: [architecture] },
      );
      assert.equal(pushes.length, 1);
      assert.equal(releases, 1);
      const latest = await manifestOfTag(opened.database.read, agentRepository, 'latest');
      assert.equal(latest?.digest, image.digest);
      assert(await manifestOfTag(opened.database.read, 'berth/charts/berth-agent', version));
      const project = await opened.database.read
        .selectFrom('projects')
        .select(['name', 'public'])
        .executeTakeFirst();
      assert.deepEqual(project, { name: 'berth', public: 1 });
    });

    test('is left alone by a server that starts with the same', async () => {
      const before = await manifestOfTag(opened.database.read, agentRepository, version);
      const image = await provider()();
      assert.equal(image.digest, before?.digest);
      assert.equal(pushes.length, 1);
    });

    test('of another version shares the layer of Node.js, which is not built again', async () => {
      const { digest } = await provider('1.2.4')();
      const [before, now] = await Promise.all(
        [await manifestOfTag(opened.database.read, agentRepository, version), { digest }].map(
          async (index) => layersOf(index?.digest ?? ''),
        ),
      );
      assert.equal(now?.[0]?.digest, before?.[0]?.digest);
      assert.notEqual(now?.[1]?.digest, before?.[1]?.digest);
      const { bytes } = pushes.at(-1) as { bytes: number };
      assert(bytes < 10_000_000, `${bytes} bytes were pushed`);
    });

    test('is there again after somebody deleted it', async () => {
      const provide = provider();
      const { digest } = await provide();
      const deletion = { repository: agentRepository, tag: version, by: 'a test', now: Date.now() };
      await opened.database.write(deleteTag, deletion);
      assert.equal((await provide()).digest, digest);
      assert.equal(
        (await manifestOfTag(opened.database.read, agentRepository, version))?.digest,
        digest,
      );
    });

    async function layersOf(index: string) {
      const found = await manifestOfDigest(opened.database.read, agentRepository, index);
      assert(found);
      const [child] = parseManifest(found.bytes, found.mediaType).children;
      assert(child);
      const image = await manifestOfDigest(opened.database.read, agentRepository, child.digest);
      assert(image);
      return parseManifest(image.bytes, image.mediaType).layers;
    }
  });
});
