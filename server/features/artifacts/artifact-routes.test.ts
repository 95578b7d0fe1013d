import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Accessory, Artifact } from '#contract/artifacts.ts';
import { hexOf } from '#oci/digest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import { eventsOf } from './testing/queries.ts';
import { type ArtifactsServer, startArtifactsServer } from './testing/server.ts';

const imageConfig = {
  mediaType: mediaTypes.oci.config,
  bytes: JSON.stringify({
    architecture: 'arm64',
    os: 'linux',
    created: '2026-01-01T00:00:00Z',
    author: 'Ann',
    config: { Env: ['A=b'] },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [{ created: '2026-01-01T00:00:00Z', created_by: 'COPY . .' }],
  }),
};
const layer = { mediaType: mediaTypes.oci.layerGzip, bytes: 'a layer' };

async function artifactsOf(server: ArtifactsServer, path: string): Promise<Artifact[]> {
  const response = await server.fetch('guest', path);
  assert.equal(response.status, 200);
  return (await response.json()) as Artifact[];
}

describe('an image', () => {
  test('is told with what its config says, and what it weighs', async () => {
    await using server = await startArtifactsServer();
    const digest = await server.pushImage({
      repository: 'team/app',
      tag: 'v1',
      config: imageConfig,
      layers: [layer, { ...layer, bytes: 'another layer' }],
      annotations: { 'org.opencontainers.image.title': 'app' },
    });
    const [artifact, ...others] = await artifactsOf(server, '/app/artifacts');
    assert.deepEqual(others, []);
    assert.equal(artifact?.digest, digest);
    assert.equal(artifact?.type, 'IMAGE');
    assert.equal(artifact?.media_type, mediaTypes.oci.config);
    assert.equal(artifact?.manifest_media_type, mediaTypes.oci.manifest);
    assert.equal(artifact?.repository_name, 'team/app');
    assert.equal(
      artifact?.size,
      imageConfig.bytes.length + 'a layer'.length + 'another layer'.length,
    );
    assert.deepEqual(artifact?.extra_attrs, {
      architecture: 'arm64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      author: 'Ann',
      config: { Env: ['A=b'] },
    });
    assert.deepEqual(artifact?.annotations, { 'org.opencontainers.image.title': 'app' });
    assert.deepEqual(
      artifact?.tags.map(({ name, immutable }) => [name, immutable]),
      [['v1', false]],
    );
    assert.ok(Date.parse(artifact?.push_time ?? '') > Date.now() - 60_000);
    assert.deepEqual(artifact?.addition_links, {
      build_history: {
        href: `/api/v2.0/projects/team/repositories/app/artifacts/${digest}/additions/build_history`,
        absolute: false,
      },
    });
    const history = await server.fetch('guest', `/app/artifacts/v1/additions/build_history`);
    assert.deepEqual(await history.json(), [
      { created: '2026-01-01T00:00:00Z', created_by: 'COPY . .' },
    ]);
  });

  test('is found by tag and by digest, its repository encoded once or twice', async () => {
    await using server = await startArtifactsServer();
    const digest = await server.pushImage({ repository: 'team/a/b', tag: 'v1' });
    for (const path of ['/a%2Fb/artifacts/v1', `/a%252Fb/artifacts/${digest}`]) {
      const response = await server.fetch('guest', path);
      assert.equal(response.status, 200, path);
      assert.equal(((await response.json()) as Artifact).digest, digest);
    }
  });

  test('with a config that cannot be read is told without it', async () => {
    await using server = await startArtifactsServer();
    const { oci } = mediaTypes;
    await server.pushImage({
      repository: 'team/app',
      tag: 'broken',
      config: { mediaType: oci.config, bytes: '{"os":' },
    });
    await server.pushImage({
      repository: 'team/app',
      tag: 'deep',
      config: { mediaType: oci.config, bytes: `{"config":${'['.repeat(99)}${']'.repeat(99)}}` },
    });
    await server.pushImage({
      repository: 'team/app',
      tag: 'large',
      config: {
        mediaType: oci.config,
        bytes: JSON.stringify({ os: 'linux', config: { Labels: { a: 'x'.repeat(70_000) } } }),
      },
    });
    const artifacts = await artifactsOf(server, '/app/artifacts');
    assert.deepEqual(
      Object.fromEntries(artifacts.map(({ tags, extra_attrs }) => [tags[0]?.name, extra_attrs])),
      { broken: {}, deep: {}, large: { os: 'linux' } },
    );
  });
});

describe('an index', () => {
  test('tells its parts with their platforms, and hides them from the list', async () => {
    await using server = await startArtifactsServer();
    const repository = 'team/app';
    const arm = await server.pushImage({ repository, config: imageConfig, layers: [layer] });
    const absent = `sha256:${'0'.repeat(64)}` as const;
    const index = await server.pushIndex({
      repository,
      tag: 'v1',
      children: [
        { digest: arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
        { digest: absent, platform: { os: 'windows', architecture: 'amd64', 'os.version': '10' } },
      ],
    });
    const [artifact, ...others] = await artifactsOf(server, '/app/artifacts');
    assert.deepEqual(others, []);
    assert.equal(artifact?.digest, index);
    assert.equal(artifact?.type, 'IMAGE');
    assert.equal(artifact?.media_type, mediaTypes.oci.index);
    assert.equal(artifact?.size, imageConfig.bytes.length + 'a layer'.length + 7);
    assert.deepEqual(
      artifact?.references.map(({ child_digest, platform }) => [child_digest, platform]),
      [
        [arm, { os: 'linux', architecture: 'arm64', variant: 'v8' }],
        [absent, { os: 'windows', architecture: 'amd64', 'os.version': '10' }],
      ],
    );
    assert.equal(artifact?.references[1]?.child_id, 0);
    const child = await server.fetch('guest', `/app/artifacts/${arm}`);
    assert.equal(((await child.json()) as Artifact).id, artifact?.references[0]?.child_id);
  });
});

describe('accessories', () => {
  test('stand with their subject, by reference and by tag, and not in the list', async () => {
    await using server = await startArtifactsServer();
    const repository = 'team/app';
    const subject = await server.pushImage({ repository, tag: 'v1', config: imageConfig });
    const bundle = await server.pushImage({
      repository,
      subject,
      artifactType: mediaTypes.cosign.bundle,
    });
    const signature = await server.pushImage({
      repository,
      tag: `sha256-${hexOf(subject)}.sig`,
      layers: [{ ...layer, bytes: 'signature' }],
    });
    const orphan = await server.pushImage({
      repository,
      tag: `sha256-${'0'.repeat(64)}.sig`,
      layers: [{ ...layer, bytes: 'orphan' }],
    });
    const listed = await artifactsOf(server, '/app/artifacts');
    assert.deepEqual(new Set(listed.map(({ digest }) => digest)), new Set([subject, orphan]));
    const accessories = listed.find(({ digest }) => digest === subject)?.accessories ?? [];
    assert.deepEqual(
      new Map(accessories.map(({ digest, type }) => [digest, type])),
      new Map([
        [bundle, 'signature.cosign'],
        [signature, 'signature.cosign'],
      ]),
    );
    const alone = await server.fetch('guest', '/app/artifacts/v1/accessories');
    assert.equal(alone.headers.get('x-total-count'), '2');
    assert.equal(((await alone.json()) as Accessory[])[0]?.subject_artifact_digest, subject);
  });
});

describe('the list of artifacts', () => {
  test('has pages, filters and orders', async () => {
    await using server = await startArtifactsServer();
    const repository = 'team/app';
    for (const tag of ['v1', 'v2', 'v3']) {
      await server.pushImage({
        repository,
        tag,
        layers: [{ ...layer, bytes: 'x'.repeat(10 - Number(tag[1])) }],
      });
    }
    const untagged = await server.pushImage({ repository, layers: [{ ...layer, bytes: 'y' }] });
    await server.pushImage({
      repository,
      tag: 'chart',
      config: { mediaType: mediaTypes.helm.config, bytes: '{"name":"app","version":"1.0.0"}' },
    });
    const tagsOf = async (query: string) => {
      const artifacts = await artifactsOf(server, `/app/artifacts?${query}`);
      return artifacts.map(({ tags }) => tags[0]?.name);
    };
    assert.equal((await tagsOf('page_size=0')).length, 5);
    assert.deepEqual(await tagsOf('sort=size&q=tags=~v'), ['v3', 'v2', 'v1']);
    assert.deepEqual(await tagsOf('sort=-size&q=tags=~v&page_size=1&page=2'), ['v2']);
    assert.deepEqual(await tagsOf('q=tags=v2'), ['v2']);
    assert.deepEqual(await tagsOf('q=tags={v1 v3}&sort=size'), ['v3', 'v1']);
    assert.deepEqual(await tagsOf('q=tags=nil'), [undefined]);
    assert.equal((await tagsOf('q=tags=*')).length, 4);
    assert.deepEqual(await tagsOf(`q=digest=${untagged}`), [undefined]);
    assert.deepEqual(await tagsOf('q=type=CHART'), ['chart']);
    assert.equal((await tagsOf('q=type=IMAGE')).length, 4);
    assert.deepEqual(await tagsOf('q=type=WASM'), []);
    assert.deepEqual(await tagsOf('page=9'), []);
    const refused = await server.fetch('guest', '/app/artifacts?q=colour=red');
    assert.equal(refused.status, 400);
  });

  test('tells a chart by its config, and has the additions that others bring', async () => {
    await using server = await startArtifactsServer({
      additions: [
        {
          artifactType: 'CHART',
          names: ['readme.md'],
          read: async (_id, name) => ({ contentType: 'text/markdown', body: `the ${name}` }),
        },
      ],
    });
    await server.pushImage({
      repository: 'team/app',
      tag: '1.0.0',
      config: { mediaType: mediaTypes.helm.config, bytes: '{"name":"app","version":"1.0.0"}' },
    });
    const [chart] = await artifactsOf(server, '/app/artifacts');
    assert.equal(chart?.type, 'CHART');
    assert.deepEqual(chart?.extra_attrs, { name: 'app', version: '1.0.0' });
    assert.deepEqual(Object.keys(chart?.addition_links ?? {}), ['readme.md']);
    const readme = await server.fetch('guest', '/app/artifacts/1.0.0/additions/README.md');
    assert.equal(await readme.text(), 'the readme.md');
    assert.equal(readme.headers.get('x-content-type-options'), 'nosniff');
    const none = await server.fetch('guest', '/app/artifacts/1.0.0/additions/build_history');
    assert.equal(none.status, 404);
  });
});

describe('what is not there, or not allowed', () => {
  test('is told apart for those who may know', async () => {
    await using server = await startArtifactsServer();
    await server.pushImage({ repository: 'team/app', tag: 'v1' });
    for (const [user, path, status] of [
      ['guest', '/none/artifacts', 404],
      ['guest', '/app/artifacts/v9', 404],
      ['guest', `/app/artifacts/sha256:${'0'.repeat(64)}`, 404],
      ['guest', '/app/artifacts/sha256:abc', 400],
      ['guest', '/app/artifacts/-v9', 400],
      ['guest', '/%2e%2e%252fapp/artifacts', 400],
      [undefined, '/app/artifacts', 401],
      [undefined, '/none/artifacts', 401],
    ] as const) {
      assert.equal((await server.fetch(user, path)).status, status, path);
    }
  });

  test('a guest deletes nothing; a maintainer deletes an artifact with its tags', async () => {
    await using server = await startArtifactsServer();
    const digest = await server.pushImage({ repository: 'team/app', tag: 'v1' });
    const init = { method: 'DELETE' };
    assert.equal((await server.fetch('developer', '/app/artifacts/v1', init)).status, 403);
    const deleted = await server.fetch('maintainer', '/app/artifacts/v1', init);
    assert.equal(deleted.status, 200);
    assert.equal(await deleted.text(), '');
    assert.equal((await server.fetch('maintainer', '/app/artifacts/v1', init)).status, 404);
    const [event] = (await eventsOf(server.database.read)).filter(
      ({ type }) => type === 'manifest.deleted',
    );
    assert.deepEqual(event, {
      type: 'manifest.deleted',
      repository: 'team/app',
      digest,
      tags: ['v1'],
      by: 'user maintainer',
    });
  });
});
