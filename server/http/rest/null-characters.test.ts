import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { messageOf, start } from './testing/applications.ts';

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
