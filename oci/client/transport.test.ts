import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { digestOf } from '../digest.ts';
import { createTestCertificate } from './test-certificate.ts';
import { connect, startTestRegistry, testCredentials } from './test-registry.ts';

const layer = randomBytes(10_000);
const layerDigest = digestOf('sha512', layer);

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

  test('from an encrypted to an unencrypted address are not followed', async () => {
    const { key, cert, authority } = await createTestCertificate('127.0.0.1');
    await using storage = await startTestRegistry();
    await using registry = await startTestRegistry({
      tls: { key, cert },
      intercept(_, response) {
        response.writeHead(307, { location: `http://${storage.host}/` }).end();
        return true;
      },
    });
    using client = connect(registry, { protocol: 'https', certificateAuthorities: authority });
    await assert.rejects(client.ping(), {
      reason: 'answer-invalid',
      message: /unencrypted address/,
    });
    assert.deepEqual(storage.requests, []);
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
