import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { anonymous } from '#server/permissions/principals.ts';
import type { Authenticate } from './access.ts';
import type { AuthenticatedExchange, Exchange } from './exchange.ts';
import { createRegistryLifecycle } from './lifecycle.ts';
import { bodyChunks, readBody } from './request-body.ts';
import { TooManyRequests } from './status.ts';
import { Unauthorized } from './unauthorized.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The client's, which tells connections apart. */
  readonly port: number | undefined;
}

interface Lifecycle extends AsyncDisposable {
  readonly port: number;
  readonly failures: unknown[];
  readonly seen: Exchange[];
  request(
    options?: { method?: string; path?: string; headers?: Record<string, string>; agent?: Agent },
    body?: string,
  ): Promise<Answer>;
}

/** A server whose only route is `handle`. */
async function serve(
  handle: (exchange: AuthenticatedExchange) => Promise<void>,
  authenticate: Authenticate = () => ({ principal: anonymous }),
): Promise<Lifecycle> {
  const failures: unknown[] = [];
  const seen: Exchange[] = [];
  const server = createServer(
    createRegistryLifecycle({
      refresh: () => {},
      authenticate,
      handle,
      originOf: () => ({ origin: 'https://registry.test', address: '192.0.2.1' }),
      onRequest: (exchange) => seen.push(exchange),
      onFailure: (_, error) => failures.push(error),
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    failures,
    seen,
    async request({ method = 'GET', path = '/v2/', ...options } = {}, body) {
      const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, ...options });
      outgoing.end(body);
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      return {
        status: response.statusCode ?? 0,
        port: response.socket.localPort,
        headers: response.headers,
        body: (await buffer(response)).toString('utf8'),
      };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function throwing(error: unknown) {
  return async () => {
    throw error;
  };
}

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

describe('the body of a request', () => {
  test('is read whole up to its limit', async () => {
    await using server = await serve(async (exchange) => {
      const body = await readBody(exchange, 10, 'The thing');
      exchange.response.end(body);
    });
    assert.equal((await server.request({ method: 'PUT' }, '0123456789')).body, '0123456789');
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const reply = await server.request({ method: 'PUT', headers }, '0123456789x');
      assert.equal(reply.status, 413);
      assert.match(reply.body, /The thing is larger than the 10 bytes/);
    }
  });

  test('that its handler does not want is taken all the same, and the connection goes on', async () => {
    await using server = await serve(async ({ request, response }) => {
      if (request.method === 'GET') return void response.end();
      throw new OciError('DENIED', 'It may not.');
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const large = 'x'.repeat(8 * 1024 * 1024);
    const ports = new Set<unknown>();
    for (const [method, status] of [
      ['PUT', 403],
      ['GET', 200],
      ['PUT', 403],
    ] as const) {
      const headers = { 'content-length': String(large.length) };
      const reply = await server.request({ method, agent, headers }, large);
      assert.equal(reply.status, status);
      ports.add(reply.port);
    }
    assert.equal(ports.size, 1);
    agent.destroy();
  });

  test('that is small is taken before its refusal, as some clients hear nothing while they send', async () => {
    await using server = await serve(throwing(new OciError('DENIED', 'It may not.')));
    const outgoing = httpRequest({
      ...{ host: '127.0.0.1', port: server.port, method: 'PUT', path: '/v2/' },
      headers: { 'content-length': '10' },
    });
    let refused = false;
    const response = once(outgoing, 'response').then(([message]: IncomingMessage[]) => {
      refused = true;
      return message;
    });
    outgoing.write('01234');
    while (server.seen.length === 0) await new Promise(setImmediate);
    // Whatever the server does at once has happened when it has answered another.
    assert.equal((await server.request()).status, 403);
    assert.equal(refused, false);
    outgoing.end('56789');
    assert.equal((await response)?.statusCode, 403);
  });

  test('that a client breaks off while it is refused ends the request without a failure', async () => {
    const departed = Promise.withResolvers<void>();
    await using server = await serve(async ({ response }) => {
      response.once('close', departed.resolve);
      throw new OciError('DENIED', 'It may not.');
    });
    const outgoing = httpRequest({
      ...{ host: '127.0.0.1', port: server.port, method: 'PUT', path: '/v2/' },
      headers: { 'content-length': '10' },
    });
    outgoing.on('error', () => {});
    outgoing.write('01234');
    while (server.seen.length === 0) await new Promise(setImmediate);
    outgoing.destroy();
    await departed.promise;
    await new Promise(setImmediate);
    assert.deepEqual(server.failures, []);
  });

  test('that breaks off ends the request without a failure', async () => {
    const ended = Promise.withResolvers<unknown>();
    await using server = await serve(async (exchange) => {
      try {
        for await (const chunk of bodyChunks(exchange)) assert.ok(chunk.length > 0);
      } catch (error) {
        ended.resolve(error);
        throw error;
      }
    });
    const outgoing = httpRequest({
      host: '127.0.0.1',
      method: 'PUT',
      path: '/v2/',
      port: server.port,
    });
    outgoing.on('error', () => {});
    outgoing.write('begin');
    while (server.seen.length === 0) await new Promise(setImmediate);
    outgoing.destroy();
    assert.match(String(await ended.promise), /BodyInterrupted/);
    await new Promise(setImmediate);
    assert.deepEqual(server.failures, []);
  });
});
