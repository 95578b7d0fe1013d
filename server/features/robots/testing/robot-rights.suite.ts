import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OpenDatabase, onAccounts, sentenceOf } from '../../auth/testing/server.suite.ts';
import { pulling, robots, scopeOf, withProjectAdmin } from './robots.ts';

/** The promises of what robots may, on any database. */
export function robotRightsSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`robots on ${name}`, () => {
    test(
      'get no more than their creator has',
      served(async (server) => {
        const { call, addProject, addUser } = server;
        const { login } = await withProjectAdmin(server);
        await addProject('other');
        const bob = await addUser('bob');
        const make = (by: readonly [string, string] | undefined, body: object) =>
          call(by, 'POST', robots, {
            body: { name: 'x', level: 'project', duration: -1, ...body },
          });
        const refused: [readonly [string, string] | undefined, object, number][] = [
          [login, { permissions: pulling('other') }, 403],
          [login, { permissions: pulling('absent') }, 403],
          [login, { level: 'system', permissions: pulling('team') }, 403],
          [login, { permissions: pulling('*') }, 400],
          [login, { permissions: [...pulling('team'), ...pulling('other')] }, 400],
          [bob.login, { permissions: pulling('team') }, 403],
          [undefined, { permissions: pulling('team') }, 401],
        ];
        for (const [by, body, status] of refused) {
          const answer = await make(by, body);
          assert.equal(answer.status, status, JSON.stringify([body, answer.body]));
        }
        const system = {
          permissions: [
            ...pulling('team'),
            { kind: 'system', namespace: '/', access: [{ resource: 'catalog', action: 'read' }] },
          ],
        };
        assert.equal((await make(login, system)).status, 400);

        // A robot that makes robots is a creator like others.
        const maker = await server.addRobot('maker', ['/:robot:create', 'team:repository:pull']);
        const byMaker = (namespace: string, action?: string) =>
          make(maker.login, { level: 'system', permissions: pulling(namespace, action) });
        assert.equal((await byMaker('*')).status, 403);
        assert.equal((await byMaker('team', 'push')).status, 403);
        assert.equal((await byMaker('team')).status, 201);

        // The same holds for what is added later, and not for what is there already.
        const made = await make(login, { name: 'y', permissions: pulling('team') });
        const at = `${robots}/${made.body.id}`;
        const put = (permissions: object) => call(login, 'PUT', at, { body: { permissions } });
        assert.equal((await put(pulling('team', 'push'))).status, 200);
        assert.equal((await put(pulling('other'))).status, 400);
        const projectCreate = [
          {
            kind: 'project',
            namespace: 'team',
            access: [{ resource: 'project', action: 'create' }],
          },
        ];
        const denied = await put(projectCreate);
        assert.equal(denied.status, 403);
        assert.match(
          sentenceOf(denied),
          /no more than its creator has: user alice has no project create/,
        );
      }),
    );

    test(
      'of all projects reach every project that exists, also later ones',
      served(async (server) => {
        const { addRobot, addProject } = server;
        const { login } = await addRobot('all', ['*:repository:pull']);
        assert.equal(await scopeOf(server, login, 'repository:late/app:pull'), '');
        await addProject('late');
        const scope = 'repository:late/app:pull';
        assert.equal(await scopeOf(server, login, scope), scope);
        const grants = await server.auth.loadGrants(
          { kind: 'robot', id: 1, name: login[0] },
          'all',
        );
        assert.deepEqual([...grants.projects.keys()].sort(), ['late']);
      }),
    );

    test(
      'do not inherit a project that has the name of one that was deleted',
      served(async (server) => {
        const { call, admin, addRobot, addProject } = server;
        const project = await addProject('team');
        const { login } = await addRobot('ci', ['team:repository:pull']);
        const scope = 'repository:team/app:pull';
        assert.equal(await scopeOf(server, login, scope), scope);
        assert.equal((await call(admin, 'DELETE', `/api/v2.0/projects/${project}`)).status, 200);
        await addProject('team');
        assert.equal(await scopeOf(server, login, scope), '');
      }),
    );
  });
}
