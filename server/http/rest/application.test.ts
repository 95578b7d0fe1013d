import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Type } from 'typebox';
import { ListQuery } from '#contract/paging.ts';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import { systemResource } from '#server/permissions/decide.ts';
import { TooManyRequests } from '../status.ts';
import {
  authorize,
  createRestApplication,
  describePage,
  type Failure,
  pageOf,
  type RestApplication,
  requireUser,
} from './index.ts';

const alice = { kind: 'user', id: 7, name: 'alice' } as const;
const robot = { kind: 'robot', id: 3, name: 'robot+ci' } as const;

async function start(addRoutes: (application: RestApplication) => void) {
  const failures: Failure[] = [];
  const application = await createRestApplication({
    refresh: () => {},
    authenticate: (authorization) => {
      if (authorization === 'Basic alice') return { principal: alice };
      if (authorization === 'Basic robot') return { principal: robot };
      if (authorization === 'Bearer token') return { principal: alice, scope: new Map() };
      throw new Refusal('unauthenticated', 'The password of user alice is wrong');
    },
    loadGrants: (principal) => ({ principal, systemAdmin: false, projects: new Map() }),
    reportFailure: (failure) => failures.push(failure),
    version: '1.2.3',
  });
  addRoutes(application);
  await application.ready();
  return { application, failures };
}

function messageOf(body: string): string {
  return JSON.parse(body).errors[0].message;
}

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

describe('permissions', () => {
  const withRoutes = () =>
    start((rest) => {
      rest.get('/users', async (request) => {
        await authorize(request, 'user:list', systemResource);
        return 'users';
      });
      rest.get('/current', async (request) => requireUser(request).name);
    });
  const get = async (url: string, authorization?: string) => {
    const { application } = await withRoutes();
    return application.inject({ url, headers: authorization ? { authorization } : {} });
  };

  test('are refused with 401 to anonymous callers, 403 to others', async () => {
    assert.equal((await get('/users')).statusCode, 401);
    const denied = await get('/users', 'Basic alice');
    assert.equal(denied.statusCode, 403);
    assert.match(messageOf(denied.body), /user alice may not user list/);
  });

  test('what needs a person answers 412 to robots', async () => {
    assert.equal((await get('/current', 'Basic alice')).body, 'alice');
    assert.equal((await get('/current', 'Basic robot')).statusCode, 412);
    assert.equal((await get('/current')).statusCode, 401);
  });

  test('are not given to registry tokens, which hold for /v2/ only', async () => {
    const reply = await get('/current', 'Bearer token');
    assert.equal(reply.statusCode, 401);
    assert.match(messageOf(reply.body), /registry token/);
  });
});

describe('lists', () => {
  const withList = (total: number) =>
    start((rest) => {
      rest.get(
        '/api/v2.0/things',
        { schema: { querystring: ListQuery } },
        async (request, reply) => {
          const page = pageOf(request.query);
          describePage(request, reply, page, total);
          return [page.offset, page.limit];
        },
      );
    });

  test('tell the total and the neighbours, by path only', async () => {
    const { application } = await withList(25);
    const middle = await application.inject('/api/v2.0/things?page=2&page_size=10&q=a%3Db');
    assert.deepEqual(middle.json(), [10, 10]);
    assert.equal(middle.headers['x-total-count'], '25');
    assert.equal(
      middle.headers.link,
      '</api/v2.0/things?page=1&page_size=10&q=a%3Db>; rel="prev" , </api/v2.0/things?page=3&page_size=10&q=a%3Db>; rel="next"',
    );
    const last = await application.inject('/api/v2.0/things?page=3');
    assert.match(String(last.headers.link), /^<[^>]*page=2>; rel="prev"$/);
  });

  test('take page 0 as the first one and page_size 0 as all', async () => {
    const { application } = await withList(25);
    const reply = await application.inject('/api/v2.0/things?page=0&page_size=0');
    assert.deepEqual(reply.json(), [0, 10_000]);
    assert.equal(reply.headers.link, undefined);
  });
});

describe('the character U+0000', () => {
  test('is refused in a path, in a query and anywhere in a body', async () => {
    const { application } = await start((rest) => {
      rest.all('/api/v2.0/things/:thing', async () => 'done');
    });
    const payload = (body: object) =>
      ({ method: 'POST', url: '/api/v2.0/things/a', body }) as const;
    for (const request of [
      { method: 'GET', url: '/api/v2.0/things/a%00b' },
      { method: 'GET', url: '/api/v2.0/things/a?q=b%00' },
      { method: 'GET', url: '/api/v2.0/things/a?q%00=b' },
      payload({ list: [{ name: 'a\0' }] }),
      payload({ 'a\0': 1 }),
    ] as const) {
      const reply = await application.inject(request);
      assert.equal(reply.statusCode, 400, JSON.stringify(request));
      assert.match(messageOf(reply.body), /U\+0000/);
    }
    for (const request of [
      { method: 'GET', url: '/api/v2.0/things/100%25?q=%2500' },
      payload({ comment: 'a \\u0000 and 100%00' }),
    ] as const) {
      assert.equal((await application.inject(request)).body, 'done', JSON.stringify(request));
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
