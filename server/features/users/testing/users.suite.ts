import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OpenDatabase, onAccounts, sentenceOf } from '../../auth/testing/server.suite.ts';

const users = '/api/v2.0/users';

/** The promises of users, on any database. */
export function usersSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`users on ${name}`, () => {
    test(
      'are created by a system admin, and answer as Harbor’s do',
      served(async ({ call, admin, now }) => {
        const made = await call(admin, 'POST', users, {
          body: {
            username: 'alice',
            password: 'correct horse',
            email: 'alice@example.com',
            realname: 'Alice',
            comment: 'first',
            user_id: 0,
          },
        });
        assert.equal(made.status, 201);
        assert.equal(made.body, undefined);
        const location = String(made.headers.get('location'));
        assert.match(location, /^\/api\/v2\.0\/users\/\d+$/);
        const time = new Date(now).toISOString();
        assert.deepEqual((await call(admin, 'GET', location)).body, {
          user_id: Number(location.split('/').at(-1)),
          username: 'alice',
          email: 'alice@example.com',
          realname: 'Alice',
          comment: 'first',
          sysadmin_flag: false,
          admin_role_in_auth: false,
          creation_time: time,
          update_time: time,
        });
        const current = await call(['alice', 'correct horse'], 'GET', `${users}/current`);
        assert.equal(current.body.username, 'alice');
      }),
    );

    test(
      'have names and passwords that follow the rules, each told in a sentence',
      served(async ({ call, admin, addUser }) => {
        await addUser('alice');
        const cases: [string, string, number, RegExp][] = [
          ['alice', 'correct horse', 409, /alice exists already/],
          ['bob', 'short', 400, /8 to 128 characters/],
          ['bob', 'x'.repeat(129), 400, /8 to 128 characters/],
          ['longenough', 'LongEnough', 400, /not be the user name/],
          ['', 'correct horse', 400, /user name must/],
          ['with space ', 'correct horse', 400, /user name must/],
          ['robot+ci', 'correct horse', 400, /user name must/],
          ['a:b', 'correct horse', 400, /user name must/],
          ['x'.repeat(256), 'correct horse', 400, /body\.username/],
        ];
        for (const [username, password, status, sentence] of cases) {
          const answer = await call(admin, 'POST', users, { body: { username, password } });
          assert.equal(answer.status, status, username);
          assert.match(sentenceOf(answer), sentence);
        }
        assert.equal((await call(admin, 'GET', users)).headers.get('x-total-count'), '2');
      }),
    );

    test(
      'are listed by pages, filters and order, to system admins only',
      served(async ({ call, admin, addUser }) => {
        const { login } = await addUser('alice');
        await addUser('bob');
        const names = async (query: string) => {
          const answer = await call(admin, 'GET', `${users}?${query}`);
          return answer.body.map((user: { username: string }) => user.username);
        };
        assert.deepEqual(await names('sort=-username'), ['bob', 'alice', 'admin']);
        assert.deepEqual(await names('sort=username&page=2&page_size=2'), ['bob']);
        assert.deepEqual(await names('q=username=~LI'), ['alice']);
        assert.deepEqual(await names('q=username=bob'), ['bob']);
        assert.deepEqual(await names('page=9'), []);
        assert.deepEqual(await names(`q=username=~${encodeURIComponent('%')}`), []);
        assert.equal((await call(admin, 'GET', `${users}?q=password_hash=a`)).status, 400);
        assert.equal((await call(login, 'GET', users)).status, 403);
        assert.equal((await call(undefined, 'GET', users)).status, 401);
      }),
    );

    test(
      'see and change themselves, and nobody else',
      served(async ({ call, admin, addUser }) => {
        const alice = await addUser('alice');
        const bob = await addUser('bob');
        const path = `${users}/${alice.id}`;
        const body = { realname: 'Alice', email: '', sysadmin_flag: true };
        assert.equal((await call(alice.login, 'PUT', path, { body })).status, 200);
        const { realname, sysadmin_flag } = (await call(alice.login, 'GET', path)).body;
        assert.deepEqual([realname, sysadmin_flag], ['Alice', false]);
        for (const [method, at] of [
          ['GET', path],
          ['PUT', path],
          ['DELETE', path],
          ['PUT', `${path}/password`],
          ['PUT', `${path}/sysadmin`],
        ] as const) {
          const full = { body: { new_password: 'another password', sysadmin_flag: true } };
          const answer = await call(
            bob.login,
            method,
            at,
            method === 'GET' || method === 'DELETE' ? {} : full,
          );
          assert.equal(answer.status, 403, `${method} ${at}`);
        }
        assert.equal(
          (await call(alice.login, 'PUT', `${path}/sysadmin`, { body: { sysadmin_flag: true } }))
            .status,
          403,
        );
        assert.equal((await call(admin, 'GET', `${users}/999`)).status, 404);
        assert.equal((await call(bob.login, 'GET', `${users}/999`)).status, 403);
      }),
    );

    test(
      'change their own password only with the old one',
      served(async ({ call, addUser }) => {
        const { id, login } = await addUser('alice');
        const path = `${users}/${id}/password`;
        const change = (old_password: string | undefined, new_password: string) =>
          call(login, 'PUT', path, { body: { old_password, new_password } });
        assert.equal((await change(undefined, 'another password')).status, 400);
        const wrong = await change('wrong', 'another password');
        assert.equal(wrong.status, 403);
        assert.match(sentenceOf(wrong), /old password of user alice is wrong/);
        assert.equal((await change(login[1], 'short')).status, 400);
        assert.equal((await call(login, 'GET', `${users}/current`)).status, 200);
        assert.equal((await change(login[1], 'another password')).status, 200);
        assert.equal((await call(login, 'GET', `${users}/current`)).status, 401);
        assert.equal(
          (await call(['alice', 'another password'], 'GET', `${users}/current`)).status,
          200,
        );
      }),
    );

    test(
      'become system admins and stop being so with the next request',
      served(async ({ call, admin, addUser }) => {
        const { id, login } = await addUser('alice');
        const set = (sysadmin_flag: boolean) =>
          call(admin, 'PUT', `${users}/${id}/sysadmin`, { body: { sysadmin_flag } });
        assert.equal((await call(login, 'GET', users)).status, 403);
        assert.equal((await set(true)).status, 200);
        assert.equal((await call(login, 'GET', users)).status, 200);
        assert.equal((await set(false)).status, 200);
        assert.equal((await call(login, 'GET', users)).status, 403);
      }),
    );

    test(
      'never lose their last system admin',
      served(async ({ call, admin, addUser }) => {
        const { body } = await call(admin, 'GET', `${users}/current`);
        const demote = (id: number) =>
          call(admin, 'PUT', `${users}/${id}/sysadmin`, { body: { sysadmin_flag: false } });
        const refused = await demote(body.user_id);
        assert.equal(refused.status, 412);
        assert.match(sentenceOf(refused), /admin is the last system admin/);
        assert.equal((await call(admin, 'DELETE', `${users}/${body.user_id}`)).status, 412);
        const alice = await addUser('alice');
        await call(admin, 'PUT', `${users}/${alice.id}/sysadmin`, {
          body: { sysadmin_flag: true },
        });
        const both = await Promise.all([demote(alice.id), demote(body.user_id)]);
        assert.deepEqual(
          both
            .map(({ status }) => status)
            .sort()
            .at(0),
          200,
        );
        const left = await Promise.all([
          call(admin, 'GET', users),
          call(alice.login, 'GET', users),
        ]);
        assert.ok(left.some(({ status }) => status === 200));
      }),
    );

    test(
      'that are deleted can do nothing more',
      served(async ({ call, admin, addUser }) => {
        const { id, login } = await addUser('alice');
        assert.equal((await call(login, 'GET', `${users}/current`)).status, 200);
        assert.equal((await call(admin, 'DELETE', `${users}/${id}`)).status, 200);
        assert.equal((await call(login, 'GET', `${users}/current`)).status, 401);
        assert.equal((await call(admin, 'DELETE', `${users}/${id}`)).status, 404);
      }),
    );

    test(
      'can be changed by a robot that may, short of becoming what only system admins are',
      served(async ({ call, addRobot, addUser }) => {
        const { id } = await addUser('alice');
        const { login } = await addRobot('hr', ['/:user:update']);
        const path = `${users}/${id}`;
        assert.equal((await call(login, 'PUT', path, { body: { comment: 'x' } })).status, 200);
        for (const [at, body] of [
          ['sysadmin', { sysadmin_flag: true }],
          ['password', { new_password: 'another password' }],
        ] as const) {
          const answer = await call(login, 'PUT', `${path}/${at}`, { body });
          assert.equal(answer.status, 403);
          assert.match(sentenceOf(answer), /robot robot\+hr is no system admin/);
        }
      }),
    );

    test(
      'are people: a robot is told so',
      served(async ({ call, addRobot }) => {
        const { login } = await addRobot('ci', ['*:repository:pull']);
        assert.equal((await call(login, 'GET', `${users}/current`)).status, 412);
        assert.equal((await call(login, 'GET', `${users}/current/tokens`)).status, 412);
      }),
    );
  });
}
