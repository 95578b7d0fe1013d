import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mediaTypes } from '#oci/media-types.ts';
import type { Reply } from '#test/server.ts';
import { blobOf, type Content, descriptorOf, imageOf, indexOf } from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';

interface Referrers {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly manifests: readonly Readonly<Record<string, unknown>>[];
}

onEveryDatabase('the referrers of a manifest', (registry) => {
  function referrersIn(reply: Reply): Referrers['manifests'] {
    expectStatus(reply, 200);
    assert.equal(reply.headers['content-type'], mediaTypes.oci.index);
    const index = reply.json() as Referrers;
    assert.equal(index.schemaVersion, 2);
    assert.equal(index.mediaType, mediaTypes.oci.index);
    return index.manifests;
  }

  async function push(repository: string, manifest: Content): Promise<Content> {
    expectStatus(await registry.pushManifest(repository, manifest.digest, manifest), 201);
    return manifest;
  }

  const subjectOf = (manifest: Content) => ({ subject: descriptorOf(manifest) });
  const digestsOf = (referrers: Referrers['manifests']) => referrers.map(({ digest }) => digest);

  test('are none where there is nothing at all', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    for (const path of [
      `/v2/${repository}/referrers/${manifest.digest}`,
      `/v2/${repository}/referrers/sha256:${'0'.repeat(64)}`,
      `/v2/${repository}/referrers/sha512:${'0'.repeat(128)}`,
      `/v2/${repository}-absent/referrers/${manifest.digest}`,
    ]) {
      const reply = await registry.call(path);
      assert.deepEqual(referrersIn(reply), []);
      assert.equal(reply.headers.link, undefined);
      assert.equal(reply.headers['oci-filters-applied'], undefined);
    }
  });

  test('are told with type, size, annotations and artifact type', async () => {
    const repository = registry.repository();
    const { manifest, config, layers } = await registry.pushImage(repository, 'v1');
    const typed = await push(
      repository,
      imageOf(config, layers, {
        ...subjectOf(manifest),
        artifactType: 'application/x.sbom',
        annotations: { 'org.example.key': 'é', __proto__x: '"' },
      }),
    );
    const untyped = await push(repository, imageOf(config, layers, subjectOf(manifest)));
    const index = await push(repository, indexOf([], subjectOf(manifest)));
    const typedIndex = await push(
      repository,
      indexOf([], { ...subjectOf(manifest), artifactType: 'application/x.group' }),
    );
    const referrers = referrersIn(
      await registry.call(`/v2/${repository}/referrers/${manifest.digest}`),
    );
    assert.deepEqual(referrers, [
      {
        ...descriptorOf(typed),
        artifactType: 'application/x.sbom',
        annotations: { 'org.example.key': 'é', __proto__x: '"' },
      },
      { ...descriptorOf(untyped), artifactType: config.mediaType },
      descriptorOf(index),
      { ...descriptorOf(typedIndex), artifactType: 'application/x.group' },
    ]);
  });

  test('can be asked for by artifact type, and by nothing else', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const of = (artifactType: string) =>
      push(repository, indexOf([], { ...subjectOf(manifest), artifactType }));
    const sbom = await of('application/x.sbom+json');
    const signature = await of('application/x.signature');
    const path = `/v2/${repository}/referrers/${manifest.digest}`;
    const filtered = await registry.call(`${path}?artifactType=application/x.sbom%2Bjson`);
    assert.deepEqual(digestsOf(referrersIn(filtered)), [sbom.digest]);
    assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
    const none = await registry.call(`${path}?artifactType=x/y`);
    assert.deepEqual(referrersIn(none), []);
    assert.equal(none.headers['oci-filters-applied'], 'artifactType');
    for (const query of ['?artifactType=', '?annotation=x', '']) {
      const reply = await registry.call(path + query);
      assert.deepEqual(digestsOf(referrersIn(reply)), [sbom.digest, signature.digest]);
      assert.equal(reply.headers['oci-filters-applied'], undefined);
    }
    for (const query of [
      'artifactType=%00',
      `artifactType=${'x'.repeat(300)}`,
      'last=-1',
      'last=x',
    ]) {
      expectStatus(await registry.call(`${path}?${query}`), 400);
    }
    expectRefusal(await registry.call(`/v2/${repository}/referrers/v1`), 400, 'DIGEST_INVALID');
  });

  test('stay when the subject comes later, goes and comes back; and go one by one', async () => {
    const repository = registry.repository();
    const { manifest, config, layers } = await registry.pushImage(repository, 'other');
    const subject = imageOf(config, layers, { annotations: { late: 'yes' } });
    const referrer = await push(repository, indexOf([], subjectOf(subject)));
    const path = `/v2/${repository}/referrers/${subject.digest}`;
    const found = async () => digestsOf(referrersIn(await registry.call(path)));
    const remove = ({ digest }: Content) =>
      registry.call(`/v2/${repository}/manifests/${digest}`, { method: 'DELETE' });
    assert.deepEqual(await found(), [referrer.digest]);
    await push(repository, subject);
    assert.deepEqual(await found(), [referrer.digest]);
    expectStatus(await remove(subject), 202);
    assert.deepEqual(await found(), [referrer.digest]);
    expectStatus(await remove(referrer), 202);
    assert.deepEqual(await found(), []);
    expectStatus(await remove(manifest), 202);
  });

  test('belong to their repository alone', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    await push(repository, indexOf([], subjectOf(manifest)));
    const other = registry.repository();
    await registry.pushImage(other, 'v1');
    assert.deepEqual(
      referrersIn(await registry.call(`/v2/${other}/referrers/${manifest.digest}`)),
      [],
    );
  });

  /** Follows the Link headers, and tells the digests of each page. */
  async function pagesOf(path: string): Promise<unknown[][]> {
    const pages: unknown[][] = [];
    for (let next: string | undefined = path; next !== undefined; ) {
      const reply: Reply = await registry.call(next);
      assert.ok(reply.body.length < 4 * 1024 * 1024, 'clients read 4 MiB at most');
      pages.push(digestsOf(referrersIn(reply)));
      next = /^<([^<>]+)>; rel="next"$/.exec(reply.headers.link ?? '')?.[1];
    }
    return pages;
  }

  test('come in pages when they are very many, each once', async () => {
    const repository = registry.repository();
    const subject = blobOf(8);
    const pushed = new Set<string>();
    const one = async (count: number) => {
      const artifactType = `application/x.${count % 2}`;
      const annotations = { count: String(count) };
      const manifest = indexOf([], { ...subjectOf(subject), artifactType, annotations });
      pushed.add((await push(repository, manifest)).digest);
    };
    await one(0);
    for (let start = 1; start < 520; start += 40) {
      const many = Array.from({ length: Math.min(40, 520 - start) }, (_, count) => start + count);
      await Promise.all(many.map(one));
    }
    const path = `/v2/${repository}/referrers/${subject.digest}`;
    const pages = await pagesOf(path);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [500, 20],
    );
    assert.deepEqual(new Set(pages.flat()), pushed);
    const [half] = await pagesOf(`${path}?artifactType=application/x.1`);
    assert.equal(half?.length, 260);
  });

  test('with large annotations come in pages that clients can read', async () => {
    const repository = registry.repository();
    const subject = blobOf(8);
    const pushed: string[] = [];
    for (const [count, length] of [1_000_000, 1_000_000, 3_900_000, 1_500_000, 10].entries()) {
      const annotations = { count: String(count), filling: 'x'.repeat(length) };
      const { digest } = await push(
        repository,
        indexOf([], { ...subjectOf(subject), annotations }),
      );
      pushed.push(digest);
    }
    const pages = await pagesOf(`/v2/${repository}/referrers/${subject.digest}`);
    assert.deepEqual(pages.flat(), pushed);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [2, 1, 2],
    );
  });
});
