import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { TooManyRequests } from './status.ts';
import { serve, throwing } from './testing/lifecycles.ts';
import { Unauthorized } from './unauthorized.ts';

describe('a request below /v2/', () => {
  test('reaches its handler with path, query, caller and origin', async () => {
    let told: unknown;
    await using server = await serve(
      async ({ id, path, query, caller, origin, address, response }) => {
        told = { id, path, query: [...query], caller, origin, address };
        response.end();
      },
      (authorization, address) => {
        assert.deepEqual([authorization, address], ['Bearer x', '192.0.2.1']);
        return { principal: { kind: 'user', id: 1, name: 'alice' } };
      },
    );
    const headers = { authorization: 'Bearer x' };
    await server.request({ path: '/v2/a%2Fb?x=1&x=2&y', headers });
    assert.deepEqual(told, {
      id: server.seen[0]?.id,
      path: '/v2/a%2Fb',
      query: [
        ['x', '1'],
        ['x', '2'],
        ['y', ''],
      ],
      caller: { principal: { kind: 'user', id: 1, name: 'alice' } },
      origin: 'https://registry.test',
      address: '192.0.2.1',
    });
  });

  test('is refused as its handler says', async () => {
    const cases: [error: unknown, status: number, code: string, headers: Record<string, string>][] =
      [
        [new OciError('NAME_UNKNOWN', 'It is not there.'), 404, 'NAME_UNKNOWN', {}],
        [new OciError('DENIED', 'It may not.'), 403, 'DENIED', {}],
        [new Refusal('no-space', 'It is full.'), 507, 'UNKNOWN', {}],
        [new Refusal('unavailable', 'It is away.'), 503, 'UNKNOWN', { 'retry-after': '1' }],
        [
          new TooManyRequests('It is enough.', 41.2),
          429,
          'TOOMANYREQUESTS',
          { 'retry-after': '42' },
        ],
        [
          new Unauthorized('Who is it?', {
            scope: 'repository:a/b:pull',
            challengeError: 'No "one".',
          }),
          401,
          'UNAUTHORIZED',
          {
            'www-authenticate':
              'Bearer realm="https://registry.test/service/token",service="harbor-registry",scope="repository:a/b:pull",error="No \'one\'."',
          },
        ],
      ];
    for (const [error, status, code, headers] of cases) {
      await using server = await serve(throwing(error));
      const reply = await server.request();
      assert.equal(reply.status, status);
      assert.equal(reply.headers['docker-distribution-api-version'], 'registry/2.0');
      assert.equal(reply.headers['x-request-id'], server.seen[0]?.id);
      const { message } = error as Error;
      assert.deepEqual(JSON.parse(reply.body), { errors: [{ code, message }] });
      for (const [name, value] of Object.entries(headers)) assert.equal(reply.headers[name], value);
      assert.deepEqual(server.failures, []);
      const head = await server.request({ method: 'HEAD' });
      assert.equal(head.status, status);
      assert.equal(head.body, '');
      assert.equal(head.headers['content-length'], String(reply.body.length));
    }
  });

  test('with credentials that are not taken never reaches its handler', async () => {
    await using server = await serve(throwing(new Error('reached')), () => {
      throw new Refusal('unauthenticated', 'The token is too old.');
    });
    const reply = await server.request({ headers: { authorization: 'Bearer x' } });
    assert.equal(reply.status, 401);
    assert.match(reply.headers['www-authenticate'] ?? '', /error="invalid_token"$/);
    assert.match(reply.body, /The token is too old\./);
    assert.deepEqual(server.failures, []);
  });

  test('too long to be one is refused before anybody asks who sends it', async () => {
    await using server = await serve(throwing(new Error('reached')), () => {
      throw new Error('asked');
    });
    const reply = await server.request({
      path: `/v2/${'x'.repeat(9_000)}`,
      headers: { authorization: 'Bearer x' },
    });
    assert.equal(reply.status, 400);
    assert.deepEqual(server.failures, []);
  });

  test('that fails says no more than its id, and is reported with the reason', async () => {
    const bug = new Error('secret of the house');
    await using server = await serve(throwing(bug));
    const reply = await server.request();
    assert.equal(reply.status, 500);
    assert.doesNotMatch(reply.body, /secret/);
    assert.ok(reply.body.includes(String(reply.headers['x-request-id'])));
    assert.deepEqual(server.failures, [bug]);
  });

  test('whose reply cannot even be refused is cut off and reported, and the server goes on', async () => {
    let first = true;
    await using server = await serve(async ({ response }) => {
      if (!first) return void response.end();
      first = false;
      throw new Unauthorized('x', { scope: 'line\r\nbreak' });
    });
    await assert.rejects(server.request(), /socket hang up/);
    assert.equal(server.failures.length, 1);
    assert.equal((await server.request()).status, 200);
  });

  test('that fails in the middle of its reply is cut off, so that nobody takes it for whole', async () => {
    await using server = await serve(async ({ response }) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('half');
      throw new Error('lost');
    });
    await assert.rejects(server.request(), /aborted/);
    assert.equal(server.failures.length, 1);
  });
});
