import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Type } from 'typebox';
import { ListQuery } from '#contract/paging.ts';
import { messageOf, start } from './testing/applications.ts';

describe('bad input', () => {
  const Body = Type.Object({
    name: Type.String({ maxLength: 3 }),
    colour: Type.Union([Type.Literal('red'), Type.Literal('blue')]),
  });
  const withRoute = () =>
    start((rest) => {
      rest.post('/things', { schema: { body: Body } }, async (request) => request.body);
      rest.get('/things', { schema: { querystring: ListQuery } }, async (request) => request.query);
    });

  test('is refused by a sentence that names the field', async () => {
    const { application } = await withRoute();
    const cases: [object, RegExp][] = [
      [{ name: 'long', colour: 'red' }, /^body\.name must not have more than 3 characters/],
      [{ colour: 'red' }, /body must have required properties name/],
      [{ name: 'a', colour: 'green' }, /^body\.colour must be one of "red", "blue"\.$/],
      [[], /body must be object/],
    ];
    for (const [payload, sentence] of cases) {
      const reply = await application.inject({ method: 'POST', url: '/things', payload });
      assert.equal(reply.statusCode, 400, reply.body);
      assert.match(messageOf(reply.body), sentence);
    }
    const query = await application.inject('/things?page_size=101');
    assert.equal(query.statusCode, 400);
    assert.match(messageOf(query.body), /^query\.page_size must be <= 100/);
  });

  test('ignores fields that it does not know', async () => {
    const { application } = await withRoute();
    const payload = { name: 'a', colour: 'red', id: 0, creation_time: '0001-01-01T00:00:00Z' };
    const reply = await application.inject({ method: 'POST', url: '/things', payload });
    assert.equal(reply.statusCode, 200);
  });

  test('never becomes a 5xx: malformed, empty, poisoned, foreign and oversized bodies', async () => {
    const { application, failures } = await withRoute();
    const post = (payload: string, type = 'application/json') =>
      application.inject({
        method: 'POST',
        url: '/things',
        payload,
        headers: { 'content-type': type },
      });
    assert.match(messageOf((await post('{"name":')).body), /not valid JSON/);
    assert.match(messageOf((await post('')).body), /body must be object/);
    assert.equal((await post('{"__proto__":{"a":1}}')).statusCode, 400);
    assert.equal((await post('<a/>', 'application/xml')).statusCode, 415);
    assert.equal((await post(`{"name":"${'a'.repeat(1024 * 1024)}"}`)).statusCode, 413);
    assert.equal((await post(`${'['.repeat(500_000)}`)).statusCode, 400);
    const nested = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    assert.equal((await post(`{"name":"a","colour":"red","x":${nested}}`)).statusCode < 500, true);
    assert.equal((await application.inject('/things/%E0%A4%A')).statusCode, 400);
    assert.deepEqual(failures, []);
  });

  test('is not a media type without a body', async () => {
    const { application } = await start((rest) => {
      rest.delete('/things/:id', async () => 'gone');
    });
    const headers = { 'content-type': 'application/json' };
    const reply = await application.inject({ method: 'DELETE', url: '/things/4', headers });
    assert.equal(reply.body, 'gone');
    const empty = { ...headers, 'content-length': '0' };
    const other = await application.inject({ method: 'DELETE', url: '/things/4', headers: empty });
    assert.equal(other.body, 'gone');
  });

  test('of unknown routes answers 404, of wrong methods 405 with what is possible', async () => {
    const { application } = await start((rest) => {
      rest.get('/things/:id', async () => 'one');
      rest.put('/things/:id', async () => 'put');
    });
    const unknown = await application.inject('/nothing/here');
    assert.equal(unknown.statusCode, 404);
    assert.match(messageOf(unknown.body), /nothing at \/nothing\/here/);
    const wrong = await application.inject({ method: 'DELETE', url: '/things/4' });
    assert.equal(wrong.statusCode, 405);
    assert.equal(wrong.headers.allow, 'GET, HEAD, PUT');
    assert.equal((await application.inject('/things/4/')).body, 'one');
  });
});

describe('a request id', () => {
  test('is the one that the caller gave, if a log can hold it', async () => {
    const { application } = await start((rest) => {
      rest.get('/', async () => 'ok');
    });
    const given = await application.inject({ url: '/', headers: { 'x-request-id': 'a-1' } });
    assert.equal(given.headers['x-request-id'], 'a-1');
    for (const bad of ['with space', 'x'.repeat(129), 'new\tline']) {
      const reply = await application.inject({ url: '/', headers: { 'x-request-id': bad } });
      assert.match(String(reply.headers['x-request-id']), /^[0-9a-f]{8}-[0-9a-z]+$/);
    }
  });
});

describe('the OpenAPI document', () => {
  test('is made of the schemas that validate', async () => {
    const { application } = await start((rest) => {
      rest.get(
        '/api/v2.0/things',
        { schema: { querystring: ListQuery, response: { 200: Type.Array(Type.String()) } } },
        async () => [],
      );
    });
    const document = (await application.inject('/api/openapi.json')).json();
    assert.equal(document.info.version, '1.2.3');
    const { parameters } = document.paths['/api/v2.0/things'].get;
    const size = parameters.find((one: { name: string }) => one.name === 'page_size');
    assert.equal(size.schema.maximum, 100);
  });
});
