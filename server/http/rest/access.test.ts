import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemResource } from '#server/permissions/decide.ts';
import { authorize, requireUser } from './index.ts';
import { messageOf, start } from './testing/applications.ts';

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
    assert.match(
      messageOf(denied.body),
      /user alice may not list users: this needs a system admin/,
    );
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
