import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { createTestCertificate } from './client/test-certificate.ts';
import { startTestRegistry, type TestRegistry, testCredentials } from './client/test-registry.ts';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
  RegistryFailure,
} from './client.ts';
import { digestOf } from './digest.ts';
import { mediaTypes } from './media-types.ts';

function connect(
  registry: TestRegistry,
  options: Partial<RegistryClientOptions> = {},
): RegistryClient & Disposable {
  const client = createRegistryClient({ registry: registry.host, protocol: 'http', ...options });
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}

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

describe('a failure over a real connection says what went wrong', () => {
  test("a refusal carries the registry's own sentence, status and code", async () => {
    await using registry = await startTestRegistry();
    using client = connect(registry);
    await assert.rejects(client.getManifest('team/app', 'v9'), (error) => {
      assert(error instanceof RegistryFailure);
      assert.equal(error.message, 'There is no v9 in team/app.');
      assert.deepEqual(
        [error.reason, error.status, error.code],
        ['not-found', 404, 'MANIFEST_UNKNOWN'],
      );
      return true;
    });
    await assert.rejects(client.pushBlob('team/app', layerDigest, config), {
      reason: 'refused',
      code: 'DIGEST_INVALID',
    });
  });

  test('wrong credentials are told from missing ones', async () => {
    await using registry = await startTestRegistry({ authentication: 'bearer' });
    using wrong = connect(registry, { credentials: { username: 'jane', password: 'x' } });
    await assert.rejects(wrong.ping(), {
      reason: 'unauthorized',
      message: 'The password of jane is wrong.',
    });
    await using basicRegistry = await startTestRegistry({ authentication: 'basic' });
    using anonymous = connect(basicRegistry);
    await assert.rejects(anonymous.ping(), { reason: 'unauthorized', message: 'Sign in first.' });
  });

  test('an answer without a sentence is named by its status', async () => {
    const reasons = {
      403: 'denied',
      429: 'too-many-requests',
      418: 'refused',
      503: 'server-failed',
    };
    for (const [status, reason] of Object.entries(reasons)) {
      await using registry = await startTestRegistry({
        intercept(_, response) {
          response.writeHead(Number(status)).end('<html>'.repeat(20_000));
          return true;
        },
      });
      using client = connect(registry);
      const message = `${registry.host} answered with the status ${status}.`;
      await assert.rejects(client.ping(), { reason, status: Number(status), message });
    }
  });

  test('a refusal while a large blob is still being sent reaches the caller', async () => {
    await using registry = await startTestRegistry({
      intercept(request, response) {
        if (request.method !== 'PUT') return false;
        response.writeHead(413, { connection: 'close' });
        response.end(JSON.stringify({ errors: [{ code: 'SIZE_INVALID', message: 'Too large.' }] }));
        request.resume();
        return true;
      },
    });
    using client = connect(registry);
    async function* chunks() {
      for (let sent = 0; sent < 32; sent++) yield Buffer.alloc(1024 * 1024);
    }
    const content = { size: 32 * 1024 * 1024, chunks: chunks() };
    await assert.rejects(client.pushBlob('team/app', layerDigest, content), {
      reason: 'refused',
      message: 'Too large.',
    });
  });

  test('a source that fails in the middle of a push is what the caller sees', async () => {
    await using registry = await startTestRegistry();
    using client = connect(registry);
    async function* chunks() {
      yield Buffer.alloc(10);
      throw new Error('The disk is gone.');
    }
    const content = { size: 20, chunks: chunks() };
    await assert.rejects(client.pushBlob('team/app', layerDigest, content), {
      message: 'The disk is gone.',
    });
  });

  test('a host without a listener, a silent host and a host that hangs up are told apart', async () => {
    const silent = createServer(() => {});
    const rude = createServer((socket) => socket.destroy());
    const portOf = async (server: typeof silent): Promise<number> => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    };
    const silentPort = await portOf(silent);
    const rudePort = await portOf(rude);
    const reasonAt = async (port: number, protocol: 'http' | 'https') => {
      const client = createRegistryClient({
        registry: `127.0.0.1:${port}`,
        protocol,
        idleTimeout: 100,
      });
      const failure = await client.ping().catch((error: unknown) => error);
      client.close();
      return failure instanceof RegistryFailure ? failure.reason : failure;
    };
    assert.equal(await reasonAt(silentPort, 'http'), 'timeout');
    assert.equal(await reasonAt(silentPort, 'https'), 'timeout');
    assert.equal(await reasonAt(rudePort, 'http'), 'connection-lost');
    silent.close();
    await new Promise((resolve) => rude.close(resolve));
    assert.equal(await reasonAt(rudePort, 'http'), 'connection-refused');
  });

  test('a host that DNS does not know is named', async () => {
    const client = createRegistryClient({ registry: 'registry.invalid', protocol: 'https' });
    await assert.rejects(client.ping(), {
      reason: 'host-unknown',
      message: /^registry\.invalid could not be reached/,
    });
    client.close();
  });

  test('a body that breaks off half-way is no blob', async () => {
    await using registry = await startTestRegistry({
      intercept(_, response) {
        response.writeHead(200, { 'content-length': 1000 });
        response.write('half', () => response.destroy());
        return true;
      },
    });
    using client = connect(registry);
    await assert.rejects(client.readBlob('team/app', layerDigest, 1000), {
      reason: 'connection-lost',
    });
    await assert.rejects(
      client.getBlob('team/app', layerDigest).then((blob) => Array.fromAsync(blob.content)),
      { reason: 'connection-lost' },
    );
  });
});

describe('an answer that cannot be right is refused', () => {
  const answers: Record<
    string,
    [
      headers: Record<string, string>,
      body: string,
      ask: (client: RegistryClient) => Promise<unknown>,
    ]
  > = {
    'bytes of another digest': [{}, 'other', (client) => client.readBlob('a/b', layerDigest, 100)],
    'a manifest of another digest': [{}, '{}', (client) => client.getManifest('a/b', layerDigest)],
    'a manifest that contradicts its own header': [
      { 'docker-content-digest': layerDigest },
      '{}',
      (client) => client.getManifest('a/b', 'tag'),
    ],
    'a blob longer than the caller takes': [
      {},
      'x'.repeat(101),
      (client) => client.readBlob('a/b', layerDigest, 100),
    ],
    'tags that are no list': [
      {},
      '{"tags":"x"}',
      (client) => Array.fromAsync(client.listTags('a/b')),
    ],
    'tags that are no JSON': [{}, '<html>', (client) => Array.fromAsync(client.listTags('a/b'))],
    'a page that leads to itself': [
      { link: '</v2/a/b/tags/list>; rel="next"' },
      '{"tags":[]}',
      (client) => Array.fromAsync(client.listTags('a/b')),
    ],
    'a page that leads to another host': [
      { link: '<http://other/>; rel="next"' },
      '{"tags":[]}',
      (client) => Array.fromAsync(client.listTags('a/b')),
    ],
    'referrers that are no index': [
      {},
      '[]',
      (client) => Array.fromAsync(client.listReferrers('a/b', layerDigest)),
    ],
  };
  for (const [name, [headers, body, ask]] of Object.entries(answers)) {
    test(name, async () => {
      await using registry = await startTestRegistry({
        intercept(_, response) {
          response.writeHead(200, headers).end(body);
          return true;
        },
      });
      using client = connect(registry);
      await assert.rejects(ask(client), { name: 'RegistryFailure', reason: 'answer-invalid' });
    });
  }

  test('an upload that is sent to another host', async () => {
    await using registry = await startTestRegistry({
      intercept(_, response) {
        response.writeHead(202, { location: 'http://other.example.com/upload' }).end();
        return true;
      },
    });
    using client = connect(registry);
    await assert.rejects(client.pushBlob('a/b', layerDigest, layer), {
      reason: 'answer-invalid',
      message: /to another host/,
    });
  });
});

describe('redirects', () => {
  test('to another host are followed without the credentials', async () => {
    let authorization: string | undefined = 'never asked';
    await using storage = await startTestRegistry({
      intercept(request, response) {
        authorization = request.headers.authorization;
        response.end(layer);
        return true;
      },
    });
    await using registry = await startTestRegistry({
      authentication: 'basic',
      intercept(request, response) {
        if (request.headers.authorization === undefined) return false;
        response
          .writeHead(307, { location: `http://${storage.host}/bucket/key?signature=x` })
          .end();
        return true;
      },
    });
    using client = connect(registry, { credentials: testCredentials });
    assert.deepEqual(await client.readBlob('team/app', layerDigest, layer.length), layer);
    assert.equal(authorization, undefined);
    assert.deepEqual(storage.requests, ['GET /bucket/key?signature=x']);
  });

  test('without an end are given up', async () => {
    await using registry = await startTestRegistry({
      intercept(_, response) {
        response.writeHead(307, { location: '/v2/' }).end();
        return true;
      },
    });
    using client = connect(registry);
    await assert.rejects(client.ping(), {
      reason: 'answer-invalid',
      message: /redirected more than 5 times/,
    });
    assert.equal(registry.requests.length, 6);
  });
});

describe('certificates', () => {
  test('of a private authority are trusted once that authority is named', async () => {
    const { key, cert, authority } = await createTestCertificate('127.0.0.1');
    await using registry = await startTestRegistry({ tls: { key, cert } });
    using stranger = connect(registry, { protocol: 'https' });
    await assert.rejects(stranger.ping(), { reason: 'certificate-untrusted' });
    using client = connect(registry, { protocol: 'https', certificateAuthorities: authority });
    await client.ping();
  });

  test('for another name are told from those nobody trusts', async () => {
    const { key, cert, authority } = await createTestCertificate('10.0.0.1');
    await using registry = await startTestRegistry({ tls: { key, cert } });
    using client = connect(registry, { protocol: 'https', certificateAuthorities: authority });
    await assert.rejects(client.ping(), { reason: 'certificate-name' });
  });

  test('asked of a plain listener show that it does not speak TLS', async () => {
    await using registry = await startTestRegistry();
    using client = connect(registry, { protocol: 'https' });
    await assert.rejects(client.ping(), { reason: 'not-tls' });
  });
});
