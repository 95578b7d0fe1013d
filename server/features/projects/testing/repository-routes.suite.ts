import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProjectsServer, StartProjectsServer } from './server.ts';
import { addRepository } from './writes.ts';

async function withRepositories(start: StartProjectsServer): Promise<ProjectsServer> {
  const server = await start();
  await server.addUser('alice');
  await server.addUser('bob');
  await server.call('alice', 'POST', '/projects', { body: { project_name: 'team' } });
  const { body } = await server.call('alice', 'GET', '/projects/team');
  for (const name of ['team/app', 'team/a/b', 'team/web']) {
    await server.database.write(addRepository, { name, projectId: body.project_id });
  }
  return server;
}

const path = '/projects/team/repositories';

/** For every database. @param name of the database */
export function repositoryRoutesSuite(name: string, start: StartProjectsServer): void {
  describe(`the repositories of a project, on ${name}`, () => {
    test('are listed with their whole name, and what belongs to an index is not counted', async () => {
      await using server = await withRepositories(start);
      const { body, headers } = await server.call('alice', 'GET', path);
      assert.equal(headers.get('x-total-count'), '3');
      assert.deepEqual(
        body.map(({ name }: { name: string }) => name),
        ['team/a/b', 'team/app', 'team/web'],
      );
      assert.deepEqual(body[0], {
        id: body[0].id,
        project_id: body[0].project_id,
        name: 'team/a/b',
        description: '',
        artifact_count: 2,
        creation_time: '1970-01-01T00:00:00.001Z',
        update_time: '1970-01-01T00:00:00.001Z',
      });
      const filtered = await server.call('alice', 'GET', `${path}?q=name=~WE&sort=-name`);
      assert.equal(filtered.body.length, 1);
    });

    test('are read and described by names encoded once or twice', async () => {
      await using server = await withRepositories(start);
      for (const [encoded, text] of [
        ['a%2Fb', 'once'],
        ['a%252Fb', 'twice'],
      ]) {
        const answer = await server.call('alice', 'PUT', `${path}/${encoded}`, {
          body: { id: 0, name: 'other', description: text, creation_time: '0001-01-01T00:00:00Z' },
        });
        assert.equal(answer.status, 200);
        const { body } = await server.call('alice', 'GET', `${path}/${encoded}`);
        assert.equal(body.name, 'team/a/b');
        assert.equal(body.description, text);
      }
    });

    test('are deleted with what they hold by maintainers, and by nobody below', async () => {
      await using server = await withRepositories(start);
      const member = { role_id: 2, member_user: { username: 'bob' } };
      await server.call('alice', 'POST', '/projects/team/members', { body: member });
      assert.equal((await server.call('bob', 'DELETE', `${path}/app`)).status, 403);
      assert.equal((await server.call('alice', 'GET', `${path}/app`)).status, 200);
      assert.equal((await server.call('alice', 'DELETE', `${path}/app`)).status, 200);
      assert.equal((await server.call('alice', 'GET', `${path}/app`)).status, 404);
      assert.equal((await server.call('alice', 'DELETE', `${path}/app`)).status, 404);
      const { body } = await server.call('alice', 'GET', path);
      assert.equal(body.length, 2);
    });

    test('are closed to others, and what is not there says so', async () => {
      await using server = await withRepositories(start);
      assert.equal((await server.call('bob', 'GET', path)).status, 403);
      assert.equal((await server.call(undefined, 'GET', `${path}/app`)).status, 401);
      assert.equal((await server.call('bob', 'PUT', `${path}/app`, { body: {} })).status, 403);
      assert.equal((await server.call('alice', 'GET', `${path}/gone`)).status, 404);
      const absent = await server.call('alice', 'PUT', `${path}/gone`, { body: {} });
      assert.equal(absent.status, 404);
      for (const name of ['..%2Fx', 'A', 'a%00b', '%25%32']) {
        assert.equal((await server.call('alice', 'GET', `${path}/${name}`)).status, 400, name);
      }
      const long = await server.call('alice', 'PUT', `${path}/app`, {
        body: { description: 'x'.repeat(20_000) },
      });
      assert.equal(long.status, 400);
    });
  });
}
