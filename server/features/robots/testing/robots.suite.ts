import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OpenDatabase, onAccounts, sentenceOf } from '../../auth/testing/server.suite.ts';
import { pulling, robots, scopeOf, withProjectAdmin } from './robots.ts';

const day = 24 * 60 * 60 * 1000;

/** The promises of robots, on any database. */
export function robotsSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`robots on ${name}`, () => {
    test(
      'of the system answer as Harbor’s do, and show their secret once',
      served(async ({ call, admin, addProject, now }) => {
        await addProject('team');
        const made = await call(admin, 'POST', robots, {
          body: {
            name: 'ci',
            level: 'system',
            description: 'builds',
            duration: 7,
            disable: false,
            permissions: pulling('team'),
            id: 0,
            expires_at: 0,
          },
        });
        assert.equal(made.status, 201);
        const { id, secret } = made.body;
        assert.equal(made.headers.get('location'), `${robots}/${id}`);
        const expires_at = Math.floor((now + 7 * day) / 1000);
        const creation_time = new Date(now).toISOString();
        assert.deepEqual(made.body, { id, name: 'robot+ci', secret, creation_time, expires_at });
        assert.match(secret, /^berth_robot_[0-9A-Za-z]{49}$/);
        assert.deepEqual((await call(admin, 'GET', `${robots}/${id}`)).body, {
          id,
          name: 'robot+ci',
          description: 'builds',
          level: 'system',
          duration: 7,
          editable: true,
          disable: false,
          expires_at,
          creation_time,
          update_time: creation_time,
          permissions: [
            {
              kind: 'project',
              namespace: 'team',
              access: [{ resource: 'repository', action: 'pull', effect: 'allow' }],
            },
          ],
        });
      }),
    );

    test(
      'of a project are made by its admin, and sign in by their full name',
      served(async (server) => {
        const { call } = server;
        const { project, login } = await withProjectAdmin(server);
        const made = await call(login, 'POST', robots, {
          body: { name: 'ci', level: 'project', duration: -1, permissions: pulling('team') },
        });
        assert.equal(made.status, 201);
        assert.equal(made.body.name, 'robot+team+ci');
        assert.equal(made.body.expires_at, -1);
        const robot = [made.body.name, made.body.secret] as const;
        const scope = 'repository:team/app:pull,push';
        assert.equal(await scopeOf(server, robot, scope), 'repository:team/app:pull');
        const list = await call(login, 'GET', `${robots}?q=Level=project,ProjectID=${project}`);
        assert.deepEqual(
          list.body.map((one: { name: string }) => one.name),
          ['robot+team+ci'],
        );
        assert.equal(list.headers.get('x-total-count'), '1');
      }),
    );

    test(
      'change by PUT with their whole self, except name and level',
      served(async (server) => {
        const { call, admin, addRobot, addProject } = server;
        await addProject('team');
        const { id, login } = await addRobot('ci', ['team:repository:pull'], { duration: 7 });
        const at = `${robots}/${id}`;
        const whole = (await call(admin, 'GET', at)).body;
        const put = (body: object) => call(admin, 'PUT', at, { body });
        server.now += day;
        assert.equal((await put({ ...whole, description: 'new' })).status, 200);
        const after = (await call(admin, 'GET', at)).body;
        assert.equal(after.description, 'new');
        assert.equal(after.expires_at, whole.expires_at);
        assert.equal((await put({ ...whole, permissions: pulling('team', 'push') })).status, 200);
        const scope = 'repository:team/app:pull,push';
        assert.equal(await scopeOf(server, login, scope), 'repository:team/app:push');
        assert.equal((await put({ ...whole, name: 'robot+other' })).status, 400);
        assert.equal((await put({ ...whole, level: 'project' })).status, 400);
        assert.equal((await put({ ...whole, permissions: [] })).status, 400);
        assert.equal((await put({ ...whole, duration: 0 })).status, 400);
        assert.equal((await put({ ...whole, disable: true })).status, 200);
        const disabled = await call(login, 'GET', '/service/token');
        assert.equal(disabled.status, 401);
        assert.match(sentenceOf(disabled), /disabled.*berth robot enable robot\+ci/);
      }),
    );

    test(
      'that expired say when, and live again with the command that they name',
      served(async (server) => {
        const { call, admin, addRobot } = server;
        const { id, login } = await addRobot('ci', ['*:repository:pull'], { duration: 1 });
        const moment = new Date(server.now + day).toISOString();
        server.now += day;
        const refused = await call(login, 'GET', '/service/token');
        assert.equal(refused.status, 401);
        assert.match(sentenceOf(refused), /berth robot refresh robot\+ci/);
        assert.ok(sentenceOf(refused).includes(moment));
        const wrong = await call([login[0], 'wrong'], 'GET', '/service/token');
        assert.doesNotMatch(sentenceOf(wrong), /expired/);
        const { secret } = (await call(admin, 'PATCH', `${robots}/${id}`, { body: {} })).body;
        const renewed = async () =>
          (await call([login[0], secret], 'GET', '/service/token')).status;
        assert.equal(await renewed(), 200);
        server.now += day - 1;
        assert.equal(await renewed(), 200);
        server.now += 1;
        assert.equal(await renewed(), 401);
        await call(admin, 'PUT', `${robots}/${id}`, { body: { duration: 1 } });
        assert.equal(await renewed(), 200);
        server.now += day;
        assert.equal(await renewed(), 401);
        await call(admin, 'PUT', `${robots}/${id}`, { body: { duration: -1 } });
        assert.equal(await renewed(), 200);
      }),
    );

    test(
      'get a new secret, or one that was chosen',
      served(async ({ call, admin, addRobot }) => {
        const { id, login } = await addRobot('ci', ['*:repository:pull']);
        const patch = (body: object) => call(admin, 'PATCH', `${robots}/${id}`, { body });
        const signIn = async (secret: string) =>
          (await call([login[0], secret], 'GET', '/service/token')).status;
        const { secret } = (await patch({})).body;
        assert.notEqual(secret, login[1]);
        assert.equal(await signIn(login[1]), 401);
        assert.equal(await signIn(secret), 200);
        assert.equal((await patch({ secret: 'Harbor12345' })).body.secret, 'Harbor12345');
        assert.equal(await signIn(secret), 401);
        assert.equal(await signIn('Harbor12345'), 200);
        assert.equal((await patch({ secret })).status, 200);
        assert.equal(await signIn(secret), 200);
        for (const bad of ['Short1', 'nodigits', 'ALLUPPER1', 'With Space1', `${secret}x`]) {
          assert.equal((await patch({ secret: bad })).status, 400, bad);
        }
        assert.equal(await signIn(secret), 200);
      }),
    );

    test(
      'are refused by a sentence where their description is wrong',
      served(async ({ call, admin, addProject }) => {
        await addProject('team');
        const base = { name: 'ci', level: 'system', duration: -1, permissions: pulling('team') };
        const access = (entry: object) => [{ kind: 'project', namespace: 'team', access: [entry] }];
        const cases: [object, number, RegExp][] = [
          [{ name: 'A b' }, 400, /robot name must/],
          [{ name: 'a+b' }, 400, /robot name must/],
          [{ level: 'galaxy' }, 400, /body\.level must be one of "system", "project"/],
          [{ duration: -2 }, 400, /body\.duration/],
          [{ duration: 0 }, 400, /at least one day/],
          [{ permissions: [] }, 400, /at least one permission/],
          [
            { permissions: access({ resource: 'scan', action: 'create' }) },
            400,
            /no permission "scan:create"/,
          ],
          [
            { permissions: access({ resource: 'repository', action: 'pull', effect: 'deny' }) },
            400,
            /"allow", not "deny"/,
          ],
          [{ permissions: pulling('absent') }, 404, /no project "absent"/],
          [
            { permissions: [{ kind: 'system', namespace: 'team', access: [] }] },
            400,
            /namespace "\/"/,
          ],
        ];
        for (const [change, status, sentence] of cases) {
          const answer = await call(admin, 'POST', robots, { body: { ...base, ...change } });
          assert.equal(answer.status, status, JSON.stringify(answer.body));
          assert.match(sentenceOf(answer), sentence);
        }
        assert.equal((await call(admin, 'POST', robots, { body: base })).status, 201);
        const again = await call(admin, 'POST', robots, { body: base });
        assert.equal(again.status, 409);
        assert.match(sentenceOf(again), /ci exists already/);
      }),
    );

    test(
      'are listed to those who may see them, and tell others nothing of their project',
      served(async (server) => {
        const { call, admin, addRobot, addUser } = server;
        const { project, login } = await withProjectAdmin(server);
        const bob = await addUser('bob');
        const own = await addRobot('own', ['team:repository:pull'], { level: 'project' });
        await addRobot('b', ['*:repository:pull']);
        await addRobot('a', ['*:repository:pull']);
        const names = async (query: string) => {
          const answer = await call(admin, 'GET', `${robots}?${query}`);
          return answer.body.map((robot: { name: string }) => robot.name);
        };
        assert.deepEqual(await names('sort=name'), ['robot+a', 'robot+b']);
        assert.deepEqual(await names('q=Level=system,name=robot%2Bb'), ['robot+b']);
        assert.deepEqual(await names('q=name=~a&page_size=1'), ['robot+a']);
        const ofProject = `${robots}?q=Level%3Dproject%2CProjectID%3D${project}`;
        assert.equal((await call(login, 'GET', ofProject)).status, 200);
        assert.equal((await call(login, 'GET', robots)).status, 403);
        assert.equal((await call(admin, 'GET', `${robots}?q=Level=project`)).status, 400);
        assert.equal(
          (await call(admin, 'GET', `${robots}?q=Level=project,ProjectID=99`)).status,
          404,
        );
        for (const [method, path] of [
          ['GET', ofProject],
          ['GET', `${robots}/${own.id}`],
          ['GET', `${robots}/999`],
          ['DELETE', `${robots}/${own.id}`],
        ] as const) {
          const answer = await call(bob.login, method, path);
          assert.equal(answer.status, 403);
          assert.doesNotMatch(sentenceOf(answer), /team/);
        }
        assert.equal((await call(admin, 'GET', `${robots}/999`)).status, 404);
        assert.equal((await call(undefined, 'GET', `${robots}/${own.id}`)).status, 401);
        assert.equal((await call(login, 'DELETE', `${robots}/${own.id}`)).status, 200);
        assert.equal((await call(own.login, 'GET', '/service/token')).status, 401);
      }),
    );
  });
}
