import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { mediaTypes } from '#oci/media-types.ts';
import { blobOf } from './testing/content.suite.ts';
import {
  expectRefusal,
  expectStatus,
  type Image,
  onEveryDatabase,
} from './testing/registry.suite.ts';
import { stateOf } from './testing/state.suite.ts';
import { openWire } from './testing/wire.suite.ts';

const paths = [
  '/v2//',
  '/v2/../api/v2.0/users',
  '/v2/%2e%2e/manifests/v1',
  '/v2/%2e%2e%2f%2e%2e%2fetc/passwd/manifests/v1',
  '/v2/team/..%2f..%2fapp/manifests/v1',
  '/v2/team//app/manifests/v1',
  '/v2//team/app/manifests/v1',
  '/v2/team/app/manifests/',
  '/v2/team/app/manifests//',
  '/v2/team/app/manifests/..',
  '/v2/team/app/manifests/%00',
  '/v2/team/app/manifests/v1%00',
  '/v2/team/app%00/manifests/v1',
  '/v2/team/app/manifests/%ff',
  '/v2/team/app/manifests/%',
  '/v2/team/app/manifests/%zz',
  '/v2/team/app/manifests/v1%0d%0aX-Evil:%20yes',
  '/v2/team/app/manifests/sha256:',
  '/v2/team/app/manifests/-v1',
  `/v2/team/app/manifests/${'v'.repeat(129)}`,
  '/v2/TEAM/app/manifests/v1',
  '/v2/team/App/manifests/v1',
  '/v2/team/-app/manifests/v1',
  '/v2/team/app-/manifests/v1',
  '/v2/team/%F0%9F%90%B3/manifests/v1',
  `/v2/team/${'a'.repeat(251)}/manifests/v1`,
  `/v2/${'a/'.repeat(2_000)}manifests/v1`,
  `/v2/team/app/manifests/v1?${'x'.repeat(9_000)}`,
  '/v2/team/app/blobs/sha256:%2e%2e%2f',
  '/v2/team/app/blobs/uploads/%2e%2e%2f%2e%2e',
  '/v2/team/app/blobs/uploads/../../../secret.key',
  '/v2/team/app/blobs/uploads/x/y',
  '/v2/team/app/tags/list/',
  '/v2/team/app/tags/list%00',
  '/v2/_catalog/',
  '/v2/app/manifests/v1',
];

onEveryDatabase('bad input', (registry) => {
  let image: Image;
  let upload = '';
  before(async () => {
    image = await registry.pushImage('team/app', 'v1');
    upload = await registry.beginUpload('team/app');
  });

  /** Checks that nothing changes by what is done. */
  async function changingNothing(work: () => Promise<void>): Promise<void> {
    const earlier = await stateOf(registry);
    await work();
    assert.deepEqual(await stateOf(registry), earlier);
    expectStatus(await registry.call('/v2/team/app/manifests/v1'), 200);
  }

  test('in the path is refused by a sentence, and changes nothing', () =>
    changingNothing(async () => {
      using wire = await openWire(registry.server);
      for (const path of paths) {
        for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'POST']) {
          wire.send(`${wire.head(method, path, ['Content-Length: 0'])}\r\n`);
          const { status, body, headers } = await wire.receive();
          assert.ok([400, 404, 405].includes(status), `${method} ${path}: ${status} ${body}`);
          assert.equal(headers.get('x-evil'), undefined);
          const { errors } = JSON.parse(body.toString('utf8'));
          assert.match(errors[0].message, /^[^\0]{10,700}$/s);
        }
      }
    }));

  test('in a header is refused, and changes nothing', () =>
    changingNothing(async () => {
      const heads: [status: number, headers: string[]][] = [
        [431, [`X-Long: ${'x'.repeat(40_000)}`]],
        [401, [`Authorization: Bearer ${'x'.repeat(20_000)}`]],
        [400, ['Content-Length: 5', 'Transfer-Encoding: chunked']],
        [400, ['Content-Length: -5']],
        [400, ['Content-Length: 99999999999999999999999']],
      ];
      for (const [status, headers] of heads) {
        using wire = await openWire(registry.server);
        const authorized = headers.some((header) => header.startsWith('Authorization'));
        const head = wire.head('PUT', '/v2/team/app/manifests/v9', headers);
        wire.send(`${authorized ? head.replace(/Authorization: Basic.*\r\n/, '') : head}\r\n`);
        assert.equal((await wire.receive()).status, status, headers.join().slice(0, 60));
      }
      for (const range of ['bytes=1-0,', `bytes=${'1-2,'.repeat(5_000)}`, '\u00ff', 'bytes=9e9-']) {
        const path = `/v2/team/app/blobs/${image.config.digest}`;
        const { status } = await registry.call(path, { headers: { range } });
        assert.ok([200, 416].includes(status), range.slice(0, 40));
      }
      for (const type of ['', 'x', `${'x'.repeat(10_000)}/json`, 'application/json; \u00ff']) {
        const reply = await registry.call('/v2/team/app/manifests/v9', {
          method: 'PUT',
          headers: { 'content-type': type },
          body: '{"schemaVersion":2}',
        });
        expectRefusal(reply, 400, 'MANIFEST_INVALID');
      }
    }));

  test('in a token is refused as invalid_token, and opens nothing', () =>
    changingNothing(async () => {
      const scope = 'repository:team/app:pull,push,delete';
      const token = await registry.token(scope, registry.server.admin);
      const [header = '', payload = '', signature = ''] = token.split('.');
      const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
      const tokens = {
        'with other claims': `${header}.${encode({ ...claims, sub: 'root' })}.${signature}`,
        'without a signature': `${header}.${payload}.`,
        'of algorithm none': `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
        'of algorithm HS256': `${encode({ alg: 'HS256', typ: 'at+jwt' })}.${payload}.${signature}`,
        'for another service': await registry.sign({ ...claims, aud: 'elsewhere' }),
        'of another issuer': await registry.sign({ ...claims, iss: 'elsewhere' }),
        'of another kind': await registry.sign(claims, 'berth-refresh+jwt'),
        'that is too old': await registry.expire(token, 25 * 60 * 60),
        'of a user who is not': await registry.sign({
          ...claims,
          principal: { kind: 'user', id: 9_999, name: 'ghost' },
        }),
        'of no form': 'x.y.z',
        empty: '..',
      };
      for (const [which, bad] of Object.entries(tokens)) {
        for (const method of ['GET', 'DELETE']) {
          const reply = await registry.request('/v2/team/app/manifests/v1', { method, token: bad });
          assert.equal(reply.status, 401, `a token ${which}`);
          expectRefusal(reply, 401, 'UNAUTHORIZED');
          assert.match(reply.headers['www-authenticate'] ?? '', /error="invalid_token"/);
        }
      }
    }));

  test('in a manifest is refused, and changes nothing', () =>
    changingNothing(async () => {
      const { config } = image;
      const descriptor = { mediaType: config.mediaType, digest: config.digest, size: config.size };
      const good = {
        schemaVersion: 2,
        mediaType: mediaTypes.oci.manifest,
        config: descriptor,
        layers: [],
      };
      const manifests: unknown[] = [
        { ...good, config: undefined },
        { ...good, config: { ...descriptor, digest: 'sha256:0' } },
        { ...good, config: { ...descriptor, size: -1 } },
        { ...good, config: { ...descriptor, size: 1e300 } },
        { ...good, config: { ...descriptor, mediaType: 'x\u0000y' } },
        { ...good, layers: 'many' },
        { ...good, layers: [null] },
        { ...good, annotations: { a: 1 } },
        { ...good, artifactType: 'x'.repeat(300) },
        { ...good, subject: 'v1' },
        { ...good, manifests: [] },
        { ...good, schemaVersion: '2' },
        JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
      ];
      for (const manifest of manifests) {
        const reply = await registry.call('/v2/team/app/manifests/v9', {
          method: 'PUT',
          headers: { 'content-type': mediaTypes.oci.manifest },
          body: JSON.stringify(manifest),
        });
        expectRefusal(reply, 400, 'MANIFEST_INVALID');
      }
    }));

  test('of any kind never meets a 5xx', async () => {
    const part = fc.oneof(
      fc.constantFrom('team', 'app', 'v1', 'blobs', 'uploads', 'manifests', 'tags', 'list', '..'),
      fc.constantFrom('referrers', '_catalog', '%00', '%2f', '%c3%28', image.config.digest, ''),
      fc.constantFrom(image.manifest.digest, upload.split('/').at(-1) ?? ''),
      fc.string({ unit: 'grapheme', maxLength: 40 }).map(encodeURIComponent),
    );
    const ending = fc.constantFrom(
      '/v2/team/app/manifests/v1',
      '/v2/team/app/tags/list',
      '/v2/team/app/blobs/uploads/',
      `/v2/team/app/blobs/${image.config.digest}`,
      `/v2/team/app/referrers/${image.manifest.digest}`,
      upload,
      '/v2/_catalog',
      '/v2/',
    );
    const path = fc.oneof(
      ending,
      fc.array(part, { maxLength: 7 }).map((parts) => `/v2/${parts.join('/')}`),
    );
    const value = fc.oneof(
      fc.constantFrom(image.config.digest, blobOf('x').digest, 'team/app', '0', '-1', 'a"b', '%0a'),
      fc
        .string({ unit: 'binary', maxLength: 30 })
        .map((text) => encodeURIComponent(text.toWellFormed())),
    );
    const name = fc.constantFrom(
      'digest',
      'mount',
      'from',
      'n',
      'last',
      'tag',
      'artifactType',
      'digest-algorithm',
      'ns',
    );
    const query = fc
      .array(fc.tuple(name, value), { maxLength: 3 })
      .map((pairs) => pairs.map((pair) => pair.join('=')).join('&'));
    const headerValue = fc.oneof(
      fc.constantFrom('0-0', 'bytes=0-', '*', 'bytes 0-3/4', mediaTypes.oci.manifest),
      fc.string({ unit: 'grapheme-ascii', maxLength: 40 }),
    );
    const headers = fc.dictionary(
      fc.constantFrom(
        'range',
        'content-range',
        'content-type',
        'if-none-match',
        'if-range',
        'accept',
        'forwarded',
        'x-forwarded-host',
        'x-forwarded-for',
      ),
      headerValue,
      { maxKeys: 3 },
    );
    const body = fc.oneof(
      fc.constantFrom('', '{}', image.manifest.bytes.toString('utf8'), '{"schemaVersion":2}'),
      fc.string({ maxLength: 200 }),
    );
    const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS');
    const signedIn = fc.boolean();
    await fc.assert(
      fc.asyncProperty(method, path, query, headers, body, signedIn, async (...input) => {
        const [verb, where, asked, fields, content, known] = input;
        const reply = await registry.request(`${where}${asked === '' ? '' : `?${asked}`}`, {
          method: verb,
          headers: fields,
          ...(known ? { as: registry.server.admin } : {}),
          ...(verb === 'GET' || verb === 'HEAD' ? {} : { body: content }),
        });
        assert.ok(reply.status < 500, `${reply.status} ${reply.body}`);
      }),
      { numRuns: 400, seed: 20_26 },
    );
    expectStatus(await registry.call('/v2/'), 200);
  });
});
