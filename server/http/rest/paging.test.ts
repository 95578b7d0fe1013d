import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ListQuery } from '#contract/paging.ts';
import { describePage, pageOf } from './index.ts';
import { start } from './testing/applications.ts';

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
