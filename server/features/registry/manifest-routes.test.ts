import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maximumManifestBytes } from '#oci/manifest.ts';
import { mediaTypes } from '#oci/media-types.ts';
import {
  blobOf,
  type Content,
  descriptorOf,
  emptyConfig,
  imageOf,
  indexOf,
  manifestOf,
} from './testing/content.suite.ts';
import { expectRefusal, expectStatus, onEveryDatabase } from './testing/registry.suite.ts';
import { openWire } from './testing/wire.suite.ts';

onEveryDatabase('a manifest', (registry) => {
  /** Pushes a manifest that must be accepted, and reads it back from where the reply says. */
  async function pushAndRead(repository: string, reference: string, manifest: Content) {
    const reply = await registry.pushManifest(repository, reference, manifest);
    expectStatus(reply, 201);
    assert.equal(reply.headers['docker-content-digest'], manifest.digest);
    const { location = '' } = reply.headers;
    assert.equal(location, `/v2/${repository}/manifests/${manifest.digest}`);
    const read = await registry.call(location);
    expectStatus(read, 200);
    assert.deepEqual(read.body, manifest.bytes);
    assert.equal(read.headers['content-type'], manifest.mediaType);
    return reply;
  }

  test('is read back byte by byte, by tag and by digest, with its exact type, length and digest', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    for (const reference of ['v1', manifest.digest]) {
      for (const method of ['GET', 'HEAD']) {
        const path = `/v2/${repository}/manifests/${reference}`;
        const { status, headers, body } = await registry.call(path, { method });
        assert.equal(status, 200);
        assert.equal(headers['content-type'], mediaTypes.oci.manifest);
        assert.equal(headers['content-length'], String(manifest.size));
        assert.equal(headers['docker-content-digest'], manifest.digest);
        assert.equal(headers.etag, `"${manifest.digest}"`);
        assert.deepEqual(body, method === 'HEAD' ? Buffer.alloc(0) : manifest.bytes);
      }
    }
  });

  test('pushed by its sha512 digest has that digest', async () => {
    const repository = registry.repository();
    const manifest = manifestOf({ mediaType: mediaTypes.oci.index, manifests: [] }, 'sha512');
    await pushAndRead(repository, manifest.digest, manifest);
  });

  test('is not sent again to who has it', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const path = `/v2/${repository}/manifests/v1`;
    const ask = (tag: string) => registry.call(path, { headers: { 'if-none-match': tag } });
    for (const tag of [
      `"${manifest.digest}"`,
      `W/"${manifest.digest}"`,
      `"x", "${manifest.digest}"`,
      '*',
    ]) {
      const reply = await ask(tag);
      assert.equal(reply.status, 304, tag);
      assert.equal(reply.body.length, 0);
      assert.equal(reply.headers.etag, `"${manifest.digest}"`);
    }
    for (const tag of ['"sha256:0"', manifest.digest, '""']) expectStatus(await ask(tag), 200);
  });

  test('is never compressed', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const headers = { 'accept-encoding': 'zstd,gzip,deflate,br' };
    const reply = await registry.call(`/v2/${repository}/manifests/v1`, { headers });
    assert.equal(reply.headers['content-encoding'], undefined);
    assert.deepEqual(reply.body, manifest.bytes);
  });

  test('pushed again under its tag changes nothing; another one moves the tag', async () => {
    const repository = registry.repository();
    const first = await registry.pushImage(repository, 'v1');
    expectStatus(await registry.pushManifest(repository, 'v1', first.manifest), 201);
    const second = await registry.pushImage(repository, 'v1');
    const { headers } = await registry.call(`/v2/${repository}/manifests/v1`, { method: 'HEAD' });
    assert.equal(headers['docker-content-digest'], second.manifest.digest);
    expectStatus(await registry.call(`/v2/${repository}/manifests/${first.manifest.digest}`), 200);
  });

  test('of 3.9 MB is taken and given back', async () => {
    const repository = registry.repository();
    const filling = 'x'.repeat(3_900_000);
    const index = indexOf([], { annotations: { filling } });
    await pushAndRead(repository, 'large', index);
  });

  test('over 4 MiB is refused by a sentence, and the connection goes on', async () => {
    const repository = registry.repository();
    const filling = 'x'.repeat(maximumManifestBytes);
    const large = indexOf([], { annotations: { filling } });
    const declared = await registry.pushManifest(repository, 'large', large);
    assert.match(expectRefusal(declared, 413, 'SIZE_INVALID'), /larger than the 4194304 bytes/);
    assert.equal(declared.headers.connection, 'keep-alive');
    using wire = await openWire(registry.server);
    wire.send(
      wire.head('PUT', `/v2/${repository}/manifests/large`, [
        `Content-Type: ${large.mediaType}`,
        'Transfer-Encoding: chunked',
      ]),
    );
    wire.send('\r\n');
    wire.sendChunk(large.bytes);
    wire.sendChunk(large.bytes);
    wire.send('0\r\n\r\n');
    assert.equal((await wire.receive()).status, 413);
    wire.send(`${wire.head('GET', '/v2/')}\r\n`);
    assert.equal((await wire.receive()).status, 200);
    expectStatus(await registry.call(`/v2/${repository}/manifests/large`), 404);
  });

  test('whose config or layer is missing is refused by its digest, and nothing is kept', async () => {
    const repository = registry.repository();
    const config = await registry.pushBlob(repository, blobOf(8));
    const missing = blobOf(9);
    for (const image of [imageOf(missing, [config]), imageOf(config, [config, missing])]) {
      const reply = await registry.pushManifest(repository, 'v1', image);
      const sentence = expectRefusal(reply, 400, 'MANIFEST_BLOB_UNKNOWN');
      assert.match(sentence, new RegExp(`${missing.digest}.*push that blob first`));
      expectStatus(await registry.call(`/v2/${repository}/manifests/v1`), 404);
      expectStatus(await registry.call(`/v2/${repository}/manifests/${image.digest}`), 404);
    }
  });

  test('may not take a blob that only another repository holds', async () => {
    const elsewhere = await registry.pushBlob(registry.repository(), blobOf(8));
    const repository = registry.repository();
    const config = await registry.pushBlob(repository, blobOf(9));
    const reply = await registry.pushManifest(repository, 'v1', imageOf(config, [elsewhere]));
    expectRefusal(reply, 400, 'MANIFEST_BLOB_UNKNOWN');
  });

  test('is taken in every form that clients push', async () => {
    const repository = registry.repository();
    const config = await registry.pushBlob(repository, emptyConfig);
    const layer = await registry.pushBlob(repository, blobOf(32));
    const absent = blobOf(16);
    const { manifest } = await registry.pushImage(repository, 'whole');
    const nested = indexOf([manifest]);
    await pushAndRead(repository, 'nested', nested);
    const forms: Record<string, Content> = {
      'no-layers': imageOf(config, []),
      'null-layers': imageOf(config, [], { layers: null }),
      'empty-index': indexOf([]),
      'index-of-index': indexOf([nested]),
      'sparse-index': indexOf([absent]),
      'cache-index-of-blobs': indexOf([layer, config]),
      'unknown-fields': imageOf(config, [layer], { future: { deep: [1] } }),
      'data-in-descriptors': imageOf(config, [], {
        layers: [{ ...descriptorOf(layer), data: layer.bytes.toString('base64') }],
      }),
      'foreign-layer': imageOf(config, [
        { ...descriptorOf(absent), mediaType: mediaTypes.docker.foreignLayerGzip },
      ]),
      'zstd-layer': imageOf(config, [
        { ...descriptorOf(layer), mediaType: mediaTypes.oci.layerZstd },
      ]),
      'subject-before-its-blobs': imageOf(absent, [absent], { subject: descriptorOf(manifest) }),
      'subject-missing': imageOf(config, [], { subject: descriptorOf(absent) }),
      docker: imageOf(config, [layer], { mediaType: mediaTypes.docker.manifest }),
      'docker-list': indexOf([manifest], { mediaType: mediaTypes.docker.manifestList }),
      helm: {
        ...imageOf({ ...descriptorOf(config), mediaType: mediaTypes.helm.config }, [layer], {
          mediaType: undefined,
        }),
        mediaType: mediaTypes.oci.manifest,
      },
    };
    for (const [tag, content] of Object.entries(forms)) {
      const { mediaType } = JSON.parse(content.bytes.toString('utf8'));
      await pushAndRead(repository, tag, { ...content, mediaType: mediaType ?? content.mediaType });
    }
  });

  test('with a subject is answered with that digest', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const signature = indexOf([], { subject: descriptorOf(manifest) });
    const reply = await pushAndRead(repository, signature.digest, signature);
    assert.equal(reply.headers['oci-subject'], manifest.digest);
    const plain = await pushAndRead(repository, 'plain', indexOf([]));
    assert.equal(plain.headers['oci-subject'], undefined);
  });

  test('pushed by digest takes the tags of its query', async () => {
    const repository = registry.repository();
    const index = indexOf([]);
    const path = `${index.digest}?tag=b&tag=a&tag=b`;
    const reply = await registry.pushManifest(repository, path, index);
    expectStatus(reply, 201);
    assert.equal(reply.headers['oci-tag'], 'b, a');
    const { body } = await registry.call(`/v2/${repository}/tags/list`);
    assert.deepEqual(JSON.parse(body.toString()).tags, ['a', 'b']);
  });

  test('takes no tag of its query that is not valid, or too many, or beside a tag', async () => {
    const repository = registry.repository();
    const index = indexOf([]);
    const many = Array.from({ length: 101 }, (_, count) => `tag=t${count}`).join('&');
    for (const reference of [`${index.digest}?tag=-`, `${index.digest}?${many}`, 'v1?tag=v2']) {
      expectStatus(await registry.pushManifest(repository, reference, index), 400);
    }
    expectStatus(await registry.call(`/v2/${repository}/tags/list`), 404);
  });

  test('whose bytes or type are not what they are said to be is refused', async () => {
    const repository = registry.repository();
    const index = indexOf([]);
    const push = (reference: string, content: Partial<Content>) =>
      registry.pushManifest(repository, reference, { ...index, ...content });
    const other = indexOf([], { annotations: { a: 'b' } });
    assert.match(
      expectRefusal(await push(other.digest, {}), 400, 'DIGEST_INVALID'),
      new RegExp(index.digest),
    );
    expectRefusal(await push('sha256:baddigeststring', {}), 400, 'DIGEST_INVALID');
    expectRefusal(await push(`md5:${'0'.repeat(32)}`, {}), 400, 'DIGEST_INVALID');
    expectRefusal(await push(index.digest.toUpperCase(), {}), 400, 'DIGEST_INVALID');
    expectRefusal(
      await push('v1', { mediaType: mediaTypes.oci.manifest }),
      400,
      'MANIFEST_INVALID',
    );
    expectRefusal(await push('v1', { mediaType: 'text/plain' }), 400, 'MANIFEST_INVALID');
    expectRefusal(
      await push('v1', { mediaType: mediaTypes.docker.schema1 }),
      400,
      'MANIFEST_INVALID',
    );
    for (const text of ['', '{', '[]', 'null', '{"schemaVersion":1}', '\u0000']) {
      expectRefusal(await push('v1', { bytes: Buffer.from(text) }), 400, 'MANIFEST_INVALID');
    }
    expectStatus(await registry.call(`/v2/${repository}/manifests/v1`), 404);
  });

  test('deleted by digest goes with its tags, deleted by tag stays', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, 'v1');
    const path = `/v2/${repository}/manifests`;
    expectStatus(await registry.pushManifest(repository, 'v2', manifest), 201);
    const remove = (reference: string) =>
      registry.call(`${path}/${reference}`, { method: 'DELETE' });
    expectStatus(await remove('v1'), 202);
    expectStatus(await registry.call(`${path}/v1`, { method: 'HEAD' }), 404);
    expectStatus(await registry.call(`${path}/${manifest.digest}`), 200);
    expectRefusal(await remove('v1'), 404, 'MANIFEST_UNKNOWN');
    expectStatus(await remove(manifest.digest), 202);
    for (const reference of ['v2', manifest.digest]) {
      expectStatus(await registry.call(`${path}/${reference}`, { method: 'HEAD' }), 404);
      expectRefusal(await remove(reference), 404, 'MANIFEST_UNKNOWN');
    }
    expectStatus(await registry.pushManifest(repository, 'v1', manifest), 201);
    expectStatus(await registry.call(`${path}/v1`), 200);
  });

  test('that is missing is told from its nearest tags, at most three', async () => {
    const repository = registry.repository();
    const { manifest } = await registry.pushImage(repository, '1.2.3');
    for (const tag of ['1.2.4', '1.2.5', '1.2.6', 'latest']) {
      expectStatus(await registry.pushManifest(repository, tag, manifest), 201);
    }
    const missing = await registry.call(`/v2/${repository}/manifests/1.2.7`);
    const sentence = expectRefusal(missing, 404, 'MANIFEST_UNKNOWN');
    assert.match(
      sentence,
      /has no tag 1\.2\.7; its nearest tags are 1\.2\.\d, 1\.2\.\d, 1\.2\.\d\.$/,
    );
    const unknown = await registry.call(`/v2/${repository}-x/manifests/1.2.7`);
    expectRefusal(unknown, 404, 'NAME_UNKNOWN');
    const digest = `sha256:${'0'.repeat(64)}`;
    expectRefusal(
      await registry.call(`/v2/${repository}/manifests/${digest}`),
      404,
      'MANIFEST_UNKNOWN',
    );
  });

  test('of another repository is not found by its digest', async () => {
    const { manifest } = await registry.pushImage(registry.repository(), 'v1');
    const repository = registry.repository();
    await registry.pushImage(repository, 'v1');
    const reply = await registry.call(`/v2/${repository}/manifests/${manifest.digest}`);
    expectRefusal(reply, 404, 'MANIFEST_UNKNOWN');
  });
});
