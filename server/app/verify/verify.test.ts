import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { mediaTypes } from '#oci/media-types.ts';
import { readConfig } from '#server/config/config.ts';
import type { Tables } from '#server/database/tables.ts';
import { blobOf, type Content, imageOf } from '../../features/registry/testing/content.suite.ts';
import { expectStatus, onEveryDatabase } from '../../features/registry/testing/registry.suite.ts';
import { tamper } from '../../features/registry/testing/writes.suite.ts';
import { openPresentStorage } from '../present-storage.ts';
import { checkFiles, leftLyingMilliseconds } from './files.ts';
import { type FindingKind, Findings } from './findings.ts';
import { verify } from './verify.ts';

type Values = Parameters<typeof tamper.run>[1]['where'];

onEveryDatabase('verify', (registry) => {
  const run = (repair = false) => verify(registry.storage, { repair, report: () => {} });
  const pathOf = (repository: string, { digest }: Content) => `/v2/${repository}/blobs/${digest}`;

  async function keyOf({ digest }: Content): Promise<string> {
    const { read } = await registry.database();
    const row = await read
      .selectFrom('blobs')
      .select('storage_key')
      .where('digest', '=', digest)
      .where('state', '=', 'live')
      .executeTakeFirstOrThrow();
    return row.storage_key;
  }

  async function fileOf(blob: Content): Promise<string> {
    const key = await keyOf(blob);
    return join(registry.server.folder, 'blobs', key.slice(0, 2), key);
  }

  async function change(table: keyof Tables, where: Values, set: Values | 'deleted') {
    const database = await registry.database();
    assert.equal(await database.write(tamper, { table, where, set }), 1);
  }

  /** What plain `verify` finds, that it changes nothing, and what is left after a repair. */
  async function expectFinding(kind: FindingKind, subject: string, problem: RegExp) {
    const first = await run();
    const [finding, ...others] = first.findings;
    assert.deepEqual([finding?.kind, finding?.subject, others], [kind, subject, []]);
    assert.match(finding?.problem ?? '', problem);
    assert.match(finding?.cure ?? '', /^[A-Z].*\.$/);
    assert.equal(first.open, 1);
    assert.deepEqual((await run()).findings, first.findings);
    return run(true);
  }

  async function expectClean() {
    const { findings, open } = await run();
    assert.deepEqual(findings, []);
    assert.equal(open, 0);
  }

  test('counts all that it reads, and finds nothing in what clients pushed', async () => {
    const repository = registry.repository();
    for (const tag of ['1', '2', '3']) await registry.pushImage(repository, tag);
    const sha512 = await registry.pushBlob(repository, blobOf(5000, { algorithm: 'sha512' }));
    const empty = await registry.pushBlob(repository, blobOf(''));
    const subject = imageOf(sha512, [empty]);
    expectStatus(await registry.pushManifest(repository, 'subject', subject), 201);
    // As cosign does it: the manifest of a referrer before its blobs.
    const ahead = imageOf(blobOf(10), [blobOf(10)], { subject });
    expectStatus(await registry.pushManifest(repository, ahead.digest, ahead), 201);
    const steps = new Set<string>();
    const report = await verify(registry.storage, {
      repair: false,
      report: ({ step, done, total }) => {
        if (done === total) steps.add(step);
      },
    });
    assert.equal(report.manifests, 5);
    assert.equal(report.blobs, 11);
    assert.equal(report.bytes, 3 * (64 + 256 + 128) + 5000);
    assert.deepEqual(report.findings, []);
    assert.deepEqual([...steps], ['checking manifests', 'rehashing blobs']);
  });

  test('finds a flipped byte in a blob; once marked, the next push heals it', async () => {
    const repository = registry.repository();
    const { layers } = await registry.pushImage(repository, '1.0');
    const layer = layers[0] as Content;
    const file = await fileOf(layer);
    const bytes = await readFile(file);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const repaired = await expectFinding(
      'blob-damaged',
      layer.digest,
      new RegExp(`its bytes have the digest sha256:.* ${repository}:1.0 needs it\\.$`),
    );
    assert.match(repaired.findings[0]?.repair ?? '', /marked as lost/);
    assert.equal(repaired.open, 1);
    expectStatus(await registry.call(pathOf(repository, layer), { method: 'HEAD' }), 404);
    const again = await run(true);
    assert.deepEqual(
      again.findings.map(({ kind, subject }) => [kind, subject]),
      [['blob-lost', layer.digest]],
    );
    await registry.pushBlob(registry.repository(), layer);
    assert.deepEqual((await registry.call(pathOf(repository, layer))).body, layer.bytes);
    await expectClean();
  });

  test('finds a blob that is missing, and takes the mark back when its file returns', async () => {
    const repository = registry.repository();
    const { config } = await registry.pushImage(repository, '1.0');
    const file = await fileOf(config);
    await rm(file);
    await expectFinding('blob-missing', config.digest, /is missing: there is no file/);
    await writeFile(file, config.bytes);
    const repaired = await expectFinding('blob-found-again', config.digest, /bytes are there/);
    assert.equal(repaired.open, 0);
    expectStatus(await registry.call(pathOf(repository, config), { method: 'HEAD' }), 200);
    await expectClean();
  });

  test('finds a blob that was cut short, and one that no image needs', async () => {
    const blob = await registry.pushBlob(registry.repository(), blobOf(100));
    await truncate(await fileOf(blob), 99);
    const repaired = await expectFinding(
      'blob-damaged',
      blob.digest,
      /it has 99 bytes instead of 100\. No image needs it/,
    );
    assert.match(repaired.findings[0]?.cure ?? '', /^Nothing has to be done/);
    await registry.pushBlob(registry.repository(), blob);
    await expectClean();
  });

  const damages: [string, (manifest: Content) => Values, RegExp][] = [
    [
      'bytes',
      ({ bytes }) => ({ bytes: Buffer.from(bytes.toString().replace('2', '3')) }),
      /its bytes have the digest/,
    ],
    ['a size', () => ({ size: 1 }), /its row says 1 bytes, and it has/],
    [
      'a media type',
      () => ({ media_type: mediaTypes.oci.index }),
      /its row says that it is a application\/vnd\.oci\.image\.index/,
    ],
    [
      'a subject',
      ({ digest }) => ({ subject_digest: digest }),
      /its row names another subject than its bytes/,
    ],
  ];
  for (const [what, edit, problem] of damages) {
    test(`finds a manifest whose row was edited in ${what}; a push brings it back`, async () => {
      const repository = registry.repository();
      const { manifest } = await registry.pushImage(repository, '1.0');
      const { digest } = manifest;
      await change('manifests', { digest }, edit(manifest));
      await expectFinding('manifest-damaged', `${repository}@${digest}`, problem);
      expectStatus(await registry.call(`/v2/${repository}/manifests/1.0`), 404);
      await expectClean();
      expectStatus(await registry.pushManifest(repository, '1.0', manifest), 201);
      assert.deepEqual(
        (await registry.call(`/v2/${repository}/manifests/1.0`)).body,
        manifest.bytes,
      );
      await expectClean();
    });
  }

  test('finds edges that are not what the bytes say, and reads them again', async () => {
    const repository = registry.repository();
    const { manifest, layers } = await registry.pushImage(repository, '1.0');
    const [one, other] = layers as [Content, Content];
    const subject = `${repository}@${manifest.digest}`;
    await change('manifest_refs', { digest: one.digest }, { size: 1 });
    assert.equal((await expectFinding('edges-wrong', subject, /is not what/)).open, 0);
    await expectClean();
    await change('manifest_refs', { digest: other.digest }, 'deleted');
    assert.equal((await expectFinding('edges-wrong', subject, /is not what/)).open, 0);
    await expectClean();
  });

  test('finds a blob that its repository has no access to, and links it', async () => {
    const repository = registry.repository();
    const { manifest, layers } = await registry.pushImage(repository, '1.0');
    const layer = layers[1] as Content;
    const { read } = await registry.database();
    const { id } = await read
      .selectFrom('blobs')
      .select('id')
      .where('digest', '=', layer.digest)
      .executeTakeFirstOrThrow();
    await change('repository_blobs', { blob_id: id }, 'deleted');
    const subject = `${repository}@${manifest.digest}`;
    await expectFinding('blob-not-linked', subject, /has no access to/);
    expectStatus(await registry.call(pathOf(repository, layer)), 200);
    await expectClean();
  });

  test('finds a blob that the registry does not hold; a push of the image heals it', async () => {
    const repository = registry.repository();
    const { manifest, layers } = await registry.pushImage(repository, '1.0');
    const layer = layers[1] as Content;
    await change('blobs', { digest: layer.digest }, 'deleted');
    const subject = `${repository}@${manifest.digest}`;
    const repaired = await expectFinding('blob-absent', subject, /which the registry does not/);
    assert.equal(repaired.open, 1);
    await registry.pushBlob(repository, layer);
    await expectClean();
  });

  test('finds a tag that points at a manifest of another repository', async () => {
    const here = registry.repository();
    const there = registry.repository();
    await registry.pushImage(here, 'astray');
    const { manifest } = await registry.pushImage(there, '1.0');
    const { read } = await registry.database();
    const { id } = await read
      .selectFrom('manifests')
      .select('id')
      .where('digest', '=', manifest.digest)
      .executeTakeFirstOrThrow();
    await change('tags', { name: 'astray' }, { manifest_id: id });
    await expectFinding('tag-astray', `${here}:astray`, /points at no manifest of its repository/);
    expectStatus(await registry.call(`/v2/${here}/manifests/astray`, { method: 'DELETE' }), 202);
    await expectClean();
  });

  test('counts files that belong to nothing, and names those that were left lying', async () => {
    const key = 'ab'.repeat(16);
    const files = [
      join(registry.server.folder, 'blobs', 'ab', key),
      join(registry.server.folder, 'uploads', key),
    ];
    const before = (await run()).orphans;
    for (const file of files) writeFileSync(file, 'orphan');
    const { orphans, findings } = await run();
    assert.deepEqual(orphans, {
      files: before.files + 1,
      uploads: before.uploads + 1,
      bytes: before.bytes + 6,
    });
    assert.deepEqual(findings, []);

    const storage = await openPresentStorage(await readConfig(registry.storage, {}));
    const later = new Findings();
    const now = () => Date.now() + leftLyingMilliseconds;
    await checkFiles({ ...storage, findings: later, onFiles: () => {}, now });
    await storage.close();
    for (const kind of ['orphaned-file', 'orphaned-upload'] as const) {
      const finding = later.list.find((each) => each.kind === kind && each.subject === key);
      assert.match(finding?.problem ?? '', /belongs to nothing, and was not collected/);
    }
    for (const file of files) rmSync(file);
  });
});
