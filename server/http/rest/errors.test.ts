import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { TooManyRequests } from '../status.ts';
import { start } from './testing/applications.ts';

describe('a refused request', () => {
  const expected: [RefusalKind, number, string][] = [
    ['invalid', 400, 'BAD_REQUEST'],
    ['unauthenticated', 401, 'UNAUTHORIZED'],
    ['denied', 403, 'FORBIDDEN'],
    ['not-found', 404, 'NOT_FOUND'],
    ['conflict', 409, 'CONFLICT'],
    ['precondition', 412, 'PRECONDITION'],
    ['too-large', 413, 'PAYLOAD_TOO_LARGE'],
    ['too-many-requests', 429, 'TOO_MANY_REQUESTS'],
    ['no-space', 507, 'INSUFFICIENT_STORAGE'],
    ['unavailable', 503, 'UNAVAILABLE'],
  ];
  for (const [kind, status, code] of expected) {
    test(`for ${kind} answers ${status} with its sentence`, async () => {
      const { application } = await start((rest) => {
        rest.get('/refused', async () => {
          throw new Refusal(kind, 'No, because');
        });
      });
      const reply = await application.inject('/refused');
      assert.equal(reply.statusCode, status);
      assert.deepEqual(reply.json(), { errors: [{ code, message: 'No, because' }] });
    });
  }

  test('says when to come back after too many failures', async () => {
    const { application } = await start((rest) => {
      rest.get('/refused', async () => {
        throw new TooManyRequests('Slow down', 12.3);
      });
    });
    assert.equal((await application.inject('/refused')).headers['retry-after'], '13');
  });

  test('challenges programs, and not the scripts of a page', async () => {
    const { application } = await start(() => {});
    const program = await application.inject({ url: '/x', headers: { authorization: 'Basic no' } });
    assert.equal(program.statusCode, 401);
    assert.match(String(program.headers['www-authenticate']), /^Basic realm="berth"/);
    const page = await application.inject({
      url: '/x',
      headers: { authorization: 'Basic no', 'sec-fetch-site': 'same-origin' },
    });
    assert.equal(page.statusCode, 401);
    assert.equal(page.headers['www-authenticate'], undefined);
  });
});

describe('a failure of the server', () => {
  test('tells the caller nothing of it and reports it with the request id', async () => {
    const { application, failures } = await start((rest) => {
      rest.get('/broken', async () => {
        throw new Error('password=hunter2');
      });
    });
    const reply = await application.inject({ url: '/broken', headers: { 'x-request-id': 'abc' } });
    assert.equal(reply.statusCode, 500);
    assert.deepEqual(reply.json(), {
      errors: [{ code: 'UNKNOWN', message: 'internal server error' }],
    });
    assert.equal(failures.length, 1);
    assert.equal(failures[0]?.requestId, 'abc');
    assert.match(String(failures[0]?.error), /hunter2/);
  });
});
