import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Principal } from '#server/permissions/principals.ts';
import type { ProjectsServer, StartProjectsServer } from './server.ts';

async function withTeam(start: StartProjectsServer): Promise<ProjectsServer> {
  const server = await start();
  for (const name of ['alice', 'bob', 'carol']) await server.addUser(name);
  const { status } = await server.call('alice', 'POST', '/projects', {
    body: { project_name: 'team' },
  });
  assert.equal(status, 201);
  return server;
}

const path = '/projects/team/members';

async function add(server: ProjectsServer, body: object): Promise<number> {
  const answer = await server.call('alice', 'POST', path, { body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const location = answer.headers.get('location') ?? '';
  assert.ok(location.startsWith(`/api/v2.0${path}/`));
  return Number(location.split('/').at(-1));
}

const user = (username: string, role: number) => ({ role_id: role, member_user: { username } });
const workload = (name: string, role: number) => ({ role_id: role, member_workload: { name } });

/** For every database. @param name of the database */
export function memberRoutesSuite(name: string, start: StartProjectsServer): void {
  describe(`members of a project, on ${name}`, () => {
    test('are listed in the shape of Harbor, users and workloads alike', async () => {
      await using server = await withTeam(start);
      const bob = await add(server, user('bob', 2));
      const pods = await add(server, workload('prod/web/*', 3));
      const { body, headers } = await server.call('alice', 'GET', path);
      assert.equal(headers.get('x-total-count'), '3');
      assert.deepEqual(body[1], {
        id: bob,
        project_id: body[0].project_id,
        entity_name: 'bob',
        entity_type: 'u',
        entity_id: body[1].entity_id,
        role_id: 2,
        role_name: 'developer',
      });
      assert.deepEqual(body[2], {
        id: pods,
        project_id: body[0].project_id,
        entity_name: 'prod/web/*',
        entity_type: 'w',
        role_id: 3,
        role_name: 'guest',
      });
      assert.deepEqual((await server.call('alice', 'GET', `${path}/${pods}`)).body, body[2]);
      const found = await server.call('alice', 'GET', `${path}?entityname=WEB`);
      assert.deepEqual(found.body, [body[2]]);
      const sorted = await server.call('alice', 'GET', `${path}?sort=-entity_name&page_size=1`);
      assert.deepEqual(sorted.body, [body[2]]);
      assert.equal(sorted.headers.get('x-total-count'), '3');
    });

    test('may do what each role may from the next request on, and no more after it ends', async () => {
      await using server = await withTeam(start);
      const read = (name: string) => server.call(name, 'GET', '/projects/team');
      const change = (name: string) =>
        server.call(name, 'PUT', '/projects/team', { body: { public: false } });
      assert.equal((await read('bob')).status, 403);
      const id = await add(server, user('bob', 5));
      assert.equal((await read('bob')).body.current_user_role_id, 5);
      assert.equal((await server.call('bob', 'GET', path)).status, 403);
      assert.equal((await change('bob')).status, 403);
      const put = (role: number) =>
        server.call('alice', 'PUT', `${path}/${id}`, { body: { role_id: role } });
      assert.equal((await put(1)).status, 200);
      assert.equal((await change('bob')).status, 200);
      assert.equal((await put(3)).status, 200);
      assert.equal((await change('bob')).status, 403);
      assert.equal((await server.call('bob', 'GET', path)).status, 200);
      assert.equal((await server.call('alice', 'DELETE', `${path}/${id}`)).status, 200);
      assert.equal((await read('bob')).status, 403);
    });

    test('are added by an admin of the project only', async () => {
      await using server = await withTeam(start);
      await add(server, user('bob', 4));
      const body = user('carol', 3);
      assert.equal((await server.call('bob', 'POST', path, { body })).status, 403);
      assert.equal((await server.call('carol', 'POST', path, { body })).status, 403);
      assert.equal((await server.call(undefined, 'POST', path, { body })).status, 401);
      assert.equal((await server.call('carol', 'GET', '/projects/team')).status, 403);
    });

    test('are refused with a sentence when they are unknown, malformed or there already', async () => {
      await using server = await withTeam(start);
      const refusal = async (body: unknown) => {
        const answer = await server.call('alice', 'POST', path, { body });
        assert.ok(answer.body.errors[0].message.length > 20);
        return answer.status;
      };
      assert.equal(await refusal(user('nobody', 2)), 404);
      assert.equal(await refusal({ role_id: 2, member_user: { user_id: 4711 } }), 404);
      assert.equal(await refusal(user('alice', 2)), 409);
      assert.equal(await refusal(user('bob', 6)), 400);
      assert.equal(await refusal({ role_id: 2 }), 400);
      assert.equal(await refusal({ role_id: 2, member_group: { group_name: 'x' } }), 400);
      assert.equal(await refusal({ ...user('bob', 2), ...workload('c/n/s', 2) }), 400);
      for (const name of ['c', 'c/n', '*/n/s', 'C/n/s', 'c/n/s/x', 'c//s', 'c/n*/s', 'c/n/']) {
        assert.equal(await refusal(workload(name, 3)), 400, name);
      }
      assert.equal((await server.call('alice', 'GET', path)).body.length, 1);
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const options = method === 'PUT' ? { body: { role_id: 2 } } : {};
        assert.equal((await server.call('alice', method, `${path}/4711`, options)).status, 404);
        assert.equal((await server.call('alice', method, `${path}/x`, options)).status, 400);
      }
    });

    test('with numbers larger than any are refused', async () => {
      await using server = await withTeam(start);
      const { status } = await server.call('alice', 'GET', `${path}/${'9'.repeat(23)}`);
      assert.equal(status, 400);
      const body = { role_id: 2, member_user: { user_id: 1e23 } };
      assert.equal((await server.call('alice', 'POST', path, { body })).status, 400);
    });

    test('of another project are out of reach', async () => {
      await using server = await withTeam(start);
      const id = await add(server, user('carol', 2));
      await server.call('bob', 'POST', '/projects', { body: { project_name: 'other' } });
      const answer = await server.call('bob', 'DELETE', `/projects/other/members/${id}`);
      assert.equal(answer.status, 404);
      assert.equal((await server.call('alice', 'GET', path)).body.length, 2);
    });

    test('are counted by role in the summary, for those who may list them', async () => {
      await using server = await withTeam(start);
      await add(server, user('bob', 5));
      await add(server, workload('prod/*/*', 3));
      const { body } = await server.call('alice', 'GET', '/projects/team/summary');
      assert.deepEqual(body, {
        repo_count: 0,
        project_admin_count: 1,
        maintainer_count: 0,
        developer_count: 0,
        guest_count: 1,
        limited_guest_count: 1,
      });
      assert.deepEqual((await server.call('bob', 'GET', '/projects/team/summary')).body, {
        repo_count: 0,
      });
    });
  });

  describe(`the workloads of a cluster, on ${name}`, () => {
    const pod = (cluster: string, namespace: string, serviceAccount: string): Principal => ({
      kind: 'workload',
      cluster,
      namespace,
      serviceAccount,
    });

    test('hold the highest role of the memberships that cover them, and none elsewhere', async () => {
      await using server = await withTeam(start);
      await server.call('bob', 'POST', '/projects', { body: { project_name: 'other' } });
      await add(server, workload('prod/*/*', 5));
      await add(server, workload('prod/web/*', 3));
      await add(server, workload('prod/web/deployer', 2));
      await add(server, workload('prod/*/robot', 4));
      const roleIn = async (projects: readonly string[] | 'all', principal: Principal) => {
        const grants = await server.loadGrants(principal, projects);
        assert.equal(grants.projects.has('other'), false);
        return grants.projects.get('team')?.role;
      };
      for (const projects of [['team'], ['team', 'other'], 'all'] as const) {
        assert.equal(await roleIn(projects, pod('prod', 'api', 'default')), 'limited-guest');
        assert.equal(await roleIn(projects, pod('prod', 'web', 'default')), 'guest');
        assert.equal(await roleIn(projects, pod('prod', 'web', 'deployer')), 'developer');
        assert.equal(await roleIn(projects, pod('prod', 'web', 'robot')), 'maintainer');
        assert.equal(await roleIn(projects, pod('test', 'web', 'deployer')), undefined);
      }
    });
  });
}
