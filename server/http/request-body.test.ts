import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { OciError } from '#oci/errors.ts';
import { bodyChunks, readBody } from './request-body.ts';
import { serve, throwing } from './testing/lifecycles.ts';

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
