import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { createTestCertificate } from './client/test-certificate.ts';
import { connect, startTestRegistry, testCredentials } from './client/test-registry.ts';
import { digestOf } from './digest.ts';
import { mediaTypes } from './media-types.ts';

const config = Buffer.from('{}');
const layer = randomBytes(10_000);
const layerDigest = digestOf('sha512', layer);
const descriptor = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  digest: digestOf('sha256', bytes),
  size: bytes.length,
});
const manifest = {
  mediaType: mediaTypes.oci.manifest,
  bytes: Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.oci.manifest,
      config: descriptor(mediaTypes.oci.config, config),
      layers: [],
    }),
  ),
};

for (const authentication of [undefined, 'basic', 'bearer'] as const) {
  describe(`the client over a real HTTP exchange, ${authentication ?? 'no'} authentication`, () => {
    const credentials = authentication === undefined ? {} : { credentials: testCredentials };

    test('pushes blobs whole and in chunks, and reads them back whole and in part', async () => {
      await using registry = await startTestRegistry({ ...(authentication && { authentication }) });
      using client = connect(registry, credentials);
      await client.ping();
      assert.equal(await client.headBlob('team/app', layerDigest), undefined);
      await client.pushBlob('team/app', digestOf('sha256', config), config);
      const chunks = [layer.subarray(0, 3000), new Uint8Array(), layer.subarray(3000)];
      await client.pushBlobInChunks('team/app', layerDigest, chunks);
      assert.equal(await client.headBlob('team/app', layerDigest), layer.length);
      assert.deepEqual(await client.readBlob('team/app', layerDigest, layer.length), layer);
      const part = await client.getBlob('team/app', layerDigest, { first: 100, last: 199 });
      assert.equal(part.size, 100);
      assert.deepEqual(
        Buffer.concat(await Array.fromAsync(part.content)),
        layer.subarray(100, 200),
      );
      const rest = await client.getBlob('team/app', layerDigest, { first: 9_990 });
      assert.deepEqual(Buffer.concat(await Array.fromAsync(rest.content)), layer.subarray(9_990));
      await client.deleteBlob('team/app', layerDigest);
      assert.equal(await client.headBlob('team/app', layerDigest), undefined);
    });

    test('pushes a blob that is streamed, once permission was got with the first request', async () => {
      await using registry = await startTestRegistry({ ...(authentication && { authentication }) });
      using client = connect(registry, credentials);
      async function* chunks() {
        yield layer.subarray(0, 1);
        yield layer.subarray(1);
      }
      await client.pushBlob('team/app', layerDigest, { size: layer.length, chunks: chunks() });
      assert.equal(await client.headBlob('team/app', layerDigest), layer.length);
    });

    test('mounts where the registry can, and cancels the upload that it opens where it cannot', async () => {
      await using registry = await startTestRegistry({ ...(authentication && { authentication }) });
      using client = connect(registry, credentials);
      await client.pushBlob('team/app', layerDigest, layer);
      assert.equal(await client.mountBlob('team/other', layerDigest, 'team/app'), true);
      assert.equal(await client.headBlob('team/other', layerDigest), layer.length);
      assert.equal(await client.mountBlob('team/third', layerDigest), false);
      assert.match(registry.requests.at(-1) ?? '', /^DELETE \/v2\/team\/third\/blobs\/uploads\//);
    });

    test('pushes, reads and deletes manifests, and lists tags page after page', async () => {
      await using registry = await startTestRegistry({ ...(authentication && { authentication }) });
      using client = connect(registry, credentials);
      const digest = digestOf('sha256', manifest.bytes);
      assert.equal(await client.headManifest('team/app', 'v1'), undefined);
      for (const tag of ['v1', 'v2', 'v3', 'v4', 'v5']) {
        assert.deepEqual(await client.putManifest('team/app', tag, manifest), { digest });
      }
      assert.deepEqual(await client.getManifest('team/app', 'v1'), { ...manifest, digest });
      assert.deepEqual(await client.getManifest('team/app', digest), { ...manifest, digest });
      assert.deepEqual(await client.headManifest('team/app', digest), {
        mediaType: manifest.mediaType,
        size: manifest.bytes.length,
        digest,
      });
      await client.deleteManifest('team/app', 'v2');
      assert.deepEqual(await Array.fromAsync(client.listTags('team/app')), [
        'v1',
        'v3',
        'v4',
        'v5',
      ]);
      assert.deepEqual(await Array.fromAsync(client.listTags('team/none')), []);
    });

    test('lists referrers, and filters them where the registry does not', async () => {
      await using registry = await startTestRegistry({ ...(authentication && { authentication }) });
      using client = connect(registry, credentials);
      const subject = descriptor(manifest.mediaType, manifest.bytes);
      for (const artifactType of ['application/a', 'application/b']) {
        const bytes = Buffer.from(
          JSON.stringify({ ...JSON.parse(manifest.bytes.toString()), subject, artifactType }),
        );
        const pushed = await client.putManifest('team/app', digestOf('sha256', bytes), {
          ...manifest,
          bytes,
        });
        assert.equal(pushed.subject, subject.digest);
      }
      const types = async (artifactType?: string) =>
        (await Array.fromAsync(client.listReferrers('team/app', subject.digest, artifactType))).map(
          (referrer) => referrer.artifactType,
        );
      assert.deepEqual((await types()).sort(), ['application/a', 'application/b']);
      assert.deepEqual(await types('application/b'), ['application/b']);
    });
  });
}

describe('tokens', () => {
  test('are asked for once a scope, with every scope that a mount needs', async () => {
    await using registry = await startTestRegistry({ authentication: 'bearer' });
    using client = connect(registry, { credentials: testCredentials });
    await client.headBlob('team/app', layerDigest);
    await client.headBlob('team/app', layerDigest);
    await client.mountBlob('team/app', layerDigest, 'team/other');
    assert.deepEqual(registry.grants, [
      ['repository:team/app:pull'],
      ['repository:team/app:pull,push', 'repository:team/other:pull'],
      ['repository:team/app:pull,push'],
    ]);
    assert.equal(registry.requests.filter((request) => request.includes('service=test')).length, 3);
  });

  test('are not asked for at an unencrypted address when the registry is encrypted', async () => {
    const { key, cert, authority } = await createTestCertificate('127.0.0.1');
    await using registry = await startTestRegistry({
      tls: { key, cert },
      intercept(_, response) {
        response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://127.0.0.1:1/token"' });
        response.end();
        return true;
      },
    });
    using client = connect(registry, {
      protocol: 'https',
      certificateAuthorities: authority,
      credentials: testCredentials,
    });
    await assert.rejects(client.ping(), {
      reason: 'answer-invalid',
      message: /names no https address/,
    });
  });
});
