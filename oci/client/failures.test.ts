import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { createRegistryClient, type RegistryClient, RegistryFailure } from '../client.ts';
import { digestOf } from '../digest.ts';
import { connect, startTestRegistry } from './test-registry.ts';

const config = Buffer.from('{}');
const layer = randomBytes(10_000);
const layerDigest = digestOf('sha512', layer);

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

  test('a token request that yields no token, or one that no header can carry', async () => {
    for (const body of ['<html>', '[]', '{}', '{"token":""}', '{"token":"a\\r\\nb"}']) {
      await using registry = await startTestRegistry({
        authentication: 'bearer',
        intercept(request, response) {
          if (!request.url?.startsWith('/token')) return false;
          response.end(body);
          return true;
        },
      });
      using client = connect(registry);
      const message = /answered a token request without a token/;
      await assert.rejects(client.ping(), { reason: 'answer-invalid', message });
    }
  });

  test('an upload without a location, or with one that is no URL', async () => {
    for (const location of [undefined, 'http://[', 'file:///etc/passwd']) {
      await using registry = await startTestRegistry({
        intercept(_, response) {
          response.writeHead(202, location === undefined ? {} : { location }).end();
          return true;
        },
      });
      using client = connect(registry);
      await assert.rejects(client.pushBlob('a/b', layerDigest, layer), {
        reason: 'answer-invalid',
        message: /Location that is no URL|without the header location/,
      });
    }
  });

  test('a blob of unknown length', async () => {
    await using registry = await startTestRegistry({
      intercept(_, response) {
        response.writeHead(200, { 'transfer-encoding': 'chunked' }).end('x');
        return true;
      },
    });
    using client = connect(registry);
    await assert.rejects(client.getBlob('a/b', layerDigest), {
      message: /without the header content-length/,
    });
  });

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
