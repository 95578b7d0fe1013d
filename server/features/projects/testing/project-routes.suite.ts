import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProjectsServer, StartProjectsServer } from './server.ts';
import { addRepository, ensure, removeRepository } from './writes.ts';

async function withPeople(start: StartProjectsServer): Promise<ProjectsServer> {
  const server = await start();
  await server.addUser('admin', { admin: true });
  await server.addUser('alice');
  await server.addUser('bob');
  return server;
}

async function create(server: ProjectsServer, user: string, name: string, metadata = {}) {
  const answer = await server.call(user, 'POST', '/projects', {
    body: { project_name: name, metadata },
  });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return Number(answer.headers.get('location')?.split('/').at(-1));
}

const names = (body: readonly { name: string }[]) => body.map(({ name }) => name);

/** For every database. @param name of the database */
export function projectRoutesSuite(name: string, start: StartProjectsServer): void {
  describe(`creating a project, on ${name}`, () => {
    test('makes its creator its admin, and answers with a relative Location', async () => {
      await using server = await withPeople(start);
      const answer = await server.call('alice', 'POST', '/projects', {
        body: { project_name: 'team', metadata: { public: 'false' }, storage_limit: -1 },
      });
      assert.equal(answer.status, 201);
      assert.equal(answer.body, undefined);
      assert.match(answer.headers.get('location') ?? '', /^\/api\/v2\.0\/projects\/\d+$/);
      const { body } = await server.call('alice', 'GET', '/projects/team');
      assert.deepEqual(body.metadata, { public: 'false' });
      assert.equal(body.current_user_role_id, 1);
      assert.equal(body.owner_name, 'alice');
      assert.equal(body.repo_count, 0);
      assert.equal(new Date(body.creation_time).toISOString(), body.creation_time);
    });

    test('names it in Location where the client asks for that', async () => {
      await using server = await withPeople(start);
      const answer = await server.call('alice', 'POST', '/projects', {
        headers: { 'X-Resource-Name-In-Location': 'true' },
        body: { project_name: 'team' },
      });
      assert.equal(answer.headers.get('location'), '/api/v2.0/projects/team');
    });

    test('is refused to those who are not signed in, and for a name that is taken', async () => {
      await using server = await withPeople(start);
      const body = { project_name: 'team' };
      assert.equal((await server.call(undefined, 'POST', '/projects', { body })).status, 401);
      await create(server, 'alice', 'team');
      const taken = await server.call('bob', 'POST', '/projects', { body });
      assert.equal(taken.status, 409);
      assert.equal(taken.body.errors[0].code, 'CONFLICT');
      assert.equal((await server.call('admin', 'GET', '/projects')).body.length, 1);
    });

    test('is refused with a sentence for names outside the grammar and the reserved one', async () => {
      await using server = await withPeople(start);
      for (const name of ['Team', 'a__b', '-a', 'a/b', 'ä', `a${'b'.repeat(255)}`, ' a', '..']) {
        const answer = await server.call('admin', 'POST', '/projects', {
          body: { project_name: name },
        });
        assert.equal(answer.status, 400, name);
        assert.match(answer.body.errors[0].message, /its name must be 1 to 255/);
      }
      const reserved = await server.call('admin', 'POST', '/projects', {
        body: { project_name: 'berth' },
      });
      assert.equal(reserved.status, 403);
      assert.deepEqual((await server.call('admin', 'GET', '/projects')).body, []);
    });

    test('passes over what clients of Harbor send besides, and refuses gates that it has not', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'team', { auto_scan: 'true', severity: 'low', public: null });
      for (const body of [
        { project_name: 'x', metadata: { prevent_vul: 'true' } },
        { project_name: 'x', metadata: { enable_content_trust_cosign: 'true' } },
        { project_name: 'x', storage_limit: 1000 },
        { project_name: 'x', registry_id: 3 },
        { project_name: 'x', metadata: { public: 'yes' } },
        { project_name: 'x', metadata: { public: true } },
        { metadata: {} },
        'x',
      ]) {
        const answer = await server.call('alice', 'POST', '/projects', { body });
        assert.equal(answer.status, 400, JSON.stringify(body));
      }
      assert.deepEqual(names((await server.call('alice', 'GET', '/projects')).body), ['team']);
    });
  });

  describe(`a project that is not there, or not for the caller, on ${name}`, () => {
    test('is 404 to admins, 403 to others and 401 to the anonymous, by name and by id', async () => {
      await using server = await withPeople(start);
      const id = await create(server, 'alice', 'hidden');
      for (const path of ['/projects/nowhere', '/projects/4711']) {
        assert.equal((await server.call('admin', 'GET', path)).status, 404);
        assert.equal((await server.call('bob', 'GET', path)).status, 403);
        assert.equal((await server.call(undefined, 'GET', path)).status, 401);
      }
      for (const path of ['/projects/hidden', `/projects/${id}`, `/projects/${id}/summary`]) {
        assert.equal((await server.call('alice', 'GET', path)).status, 200);
        assert.equal((await server.call('bob', 'GET', path)).status, 403);
        assert.equal((await server.call(undefined, 'GET', path)).status, 401);
      }
    });

    test('is refused in the same words whether it exists or not', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'hidden');
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const options = method === 'PUT' ? { body: { public: true } } : {};
        const there = await server.call('bob', method, '/projects/hidden', options);
        const gone = await server.call('bob', method, '/projects/absent', options);
        assert.equal(there.status, 403);
        assert.deepEqual(
          there.body.errors[0].message.replaceAll('hidden', 'absent'),
          gone.body.errors[0].message,
        );
      }
    });

    test('is not named to those who guess its number', async () => {
      await using server = await withPeople(start);
      const id = await create(server, 'alice', 'secret-plans');
      for (const user of ['bob', undefined]) {
        const answer = await server.call(user, 'GET', `/projects/${id}`);
        assert.ok([401, 403].includes(answer.status));
        assert.doesNotMatch(JSON.stringify(answer.body), /secret-plans/);
      }
      const { body } = await server.call('alice', 'GET', `/projects/${id}`);
      assert.equal(body.name, 'secret-plans');
    });

    test('whose name is a number is reached by name where the header says so', async () => {
      await using server = await withPeople(start);
      const id = await create(server, 'alice', '123456');
      const byName = await server.call('alice', 'GET', '/projects/123456', {
        headers: { 'X-Is-Resource-Name': 'true' },
      });
      assert.equal(byName.body.project_id, id);
      assert.equal((await server.call('admin', 'GET', '/projects/123456')).status, 404);
    });

    test('is told from a taken name by HEAD', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'team');
      const head = (user: string | undefined, name: string) =>
        server.call(user, 'HEAD', `/projects?project_name=${name}`).then(({ status }) => status);
      assert.equal(await head('bob', 'team'), 200);
      assert.equal(await head('bob', 'free'), 404);
      assert.equal(await head(undefined, 'team'), 401);
    });
  });

  describe(`the list of projects, on ${name}`, () => {
    async function withProjects() {
      const server = await withPeople(start);
      await create(server, 'alice', 'alpha');
      await create(server, 'alice', 'beta', { public: 'true' });
      await create(server, 'bob', 'gamma');
      await create(server, 'bob', 'delta_x', { public: 'true' });
      return server;
    }
    const list = async (server: ProjectsServer, user: string | undefined, query = '') =>
      names((await server.call(user, 'GET', `/projects${query}`)).body);

    test('shows each caller what it may see', async () => {
      await using server = await withProjects();
      assert.deepEqual(await list(server, undefined), ['beta', 'delta_x']);
      assert.deepEqual(await list(server, 'alice'), ['alpha', 'beta', 'delta_x']);
      assert.deepEqual(await list(server, 'bob'), ['beta', 'gamma', 'delta_x']);
      assert.deepEqual(await list(server, 'admin'), ['alpha', 'beta', 'gamma', 'delta_x']);
    });

    test('is filtered, sorted and paged, and counts only what the caller may see', async () => {
      await using server = await withProjects();
      assert.deepEqual(await list(server, 'admin', '?name=ETA'), ['beta']);
      assert.deepEqual(await list(server, 'admin', '?name=_'), ['delta_x']);
      assert.deepEqual(await list(server, 'admin', '?name=%25'), []);
      assert.deepEqual(await list(server, 'admin', '?public=true'), ['beta', 'delta_x']);
      assert.deepEqual(await list(server, 'admin', '?public=false'), ['alpha', 'gamma']);
      assert.deepEqual(await list(server, 'admin', '?owner=bob'), ['gamma', 'delta_x']);
      assert.deepEqual(await list(server, 'admin', '?q=name=~a,public=true'), ['beta', 'delta_x']);
      assert.deepEqual(await list(server, 'admin', "?q=name={'alpha' 'gamma'}"), [
        'alpha',
        'gamma',
      ]);
      assert.deepEqual(await list(server, 'bob', '?q=name=alpha'), []);
      assert.deepEqual(await list(server, 'admin', '?sort=-name&page_size=2'), [
        'gamma',
        'delta_x',
      ]);
      const page = await server.call('alice', 'GET', '/projects?page=2&page_size=2&sort=name');
      assert.deepEqual(names(page.body), ['delta_x']);
      assert.equal(page.headers.get('x-total-count'), '3');
      assert.match(page.headers.get('link') ?? '', /^<\/api\/v2\.0\/projects\?.*>; rel="prev"$/);
      assert.deepEqual(await list(server, 'alice', '?page=9'), []);
      for (const query of ['?sort=secret', '?q=owner_id=1', '?public=maybe', '?page_size=101']) {
        assert.equal((await server.call('alice', 'GET', `/projects${query}`)).status, 400, query);
      }
    });
  });

  describe(`changing and deleting a project, on ${name}`, () => {
    test('opens it to everybody and closes it again with the next request', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'team');
      const change = (value: string) =>
        server.call('alice', 'PUT', '/projects/team', { body: { metadata: { public: value } } });
      const anonymous = () => server.call(undefined, 'GET', '/projects/team');
      assert.equal((await anonymous()).status, 401);
      assert.equal((await change('true')).status, 200);
      assert.equal((await anonymous()).status, 200);
      assert.equal((await change('false')).status, 200);
      assert.equal((await anonymous()).status, 401);
    });

    test('leaves the visibility alone where the request does not say', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'team', { public: 'true' });
      await server.call('alice', 'PUT', '/projects/team', { body: { metadata: {} } });
      assert.equal(
        (await server.call('alice', 'GET', '/projects/team')).body.metadata.public,
        'true',
      );
    });

    test('is refused to others, and to nobody in particular', async () => {
      await using server = await withPeople(start);
      await create(server, 'alice', 'team', { public: 'true' });
      const body = { metadata: { public: 'false' } };
      assert.equal((await server.call('bob', 'PUT', '/projects/team', { body })).status, 403);
      assert.equal((await server.call(undefined, 'PUT', '/projects/team', { body })).status, 401);
      assert.equal((await server.call('bob', 'DELETE', '/projects/team')).status, 403);
      assert.equal(
        (await server.call('bob', 'GET', '/projects/team')).body.metadata.public,
        'true',
      );
    });

    test('deletes it only once its repositories have gone', async () => {
      await using server = await withPeople(start);
      const id = await create(server, 'alice', 'team');
      const repository = await server.database.write(addRepository, {
        name: 'team/app',
        projectId: id,
      });
      const refused = await server.call('alice', 'DELETE', '/projects/team');
      assert.equal(refused.status, 412);
      assert.equal(refused.body.errors[0].code, 'PRECONDITION');
      assert.match(refused.body.errors[0].message, /still holds a repository/);
      assert.equal((await server.call('alice', 'GET', '/projects/team')).body.repo_count, 1);
      await server.database.write(removeRepository, { id: repository });
      assert.equal((await server.call('alice', 'DELETE', `/projects/${id}`)).status, 200);
      assert.equal((await server.call('alice', 'GET', '/projects/team')).status, 403);
      assert.equal((await server.call('admin', 'GET', '/projects/team')).status, 404);
    });
  });

  describe(`a project that a push needs, on ${name}`, () => {
    test('is created private once, and found from then on', async () => {
      await using server = await withPeople(start);
      const first = await server.database.write(ensure, { name: 'pushed', ownerId: null });
      assert.equal(await server.database.write(ensure, { name: 'pushed', ownerId: null }), first);
      assert.equal((await server.call(undefined, 'GET', '/projects/pushed')).status, 401);
      assert.equal((await server.call('admin', 'GET', '/projects/pushed')).body.project_id, first);
    });

    test('cannot be the reserved one, or one outside the grammar', async () => {
      await using server = await withPeople(start);
      for (const name of ['berth', 'a--b']) {
        await assert.rejects(server.database.write(ensure, { name, ownerId: null }), {
          name: 'Refusal',
        });
      }
      assert.deepEqual((await server.call('admin', 'GET', '/projects')).body, []);
    });
  });
}
