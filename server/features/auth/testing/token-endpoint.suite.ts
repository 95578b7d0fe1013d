import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  type AccountsServer,
  type Answer,
  basic,
  type Login,
  type OpenDatabase,
  sentenceOf,
  service,
  startAccounts,
} from './server.suite.ts';

const path = '/service/token';
const day = 24 * 60 * 60 * 1000;

function accessIn({ body }: Answer) {
  return decodeJwt(body.token).access;
}

/** The promises of the token endpoint, on any database. */
export function tokenEndpointSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = (run: (server: AccountsServer) => Promise<void>) => async () => {
    await using server = await startAccounts(open);
    await run(server);
    assert.deepEqual(server.failures, []);
  };

  describe(`a token on ${name}`, () => {
    test(
      'says what was granted, in the form of the token protocol',
      served(async ({ call, admin, addProject, now }) => {
        await addProject('team');
        const scope = 'repository:team/app:pull,push';
        const answer = await call(
          admin,
          'GET',
          `${path}?service=${service}&scope=${scope}&account=admin`,
        );
        assert.equal(answer.status, 200);
        const { body } = answer;
        assert.equal(body.token, body.access_token);
        assert.ok(body.expires_in >= 300);
        assert.equal(body.issued_at, new Date(now).toISOString());
        assert.equal(body.scope, scope);
        assert.equal(body.refresh_token, undefined);
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        assert.deepEqual(decodeProtectedHeader(body.token), { alg: 'EdDSA', typ: 'at+jwt' });
        const { iss, aud, sub, exp, iat, jti, access } = decodeJwt(body.token);
        assert.deepEqual([iss, aud, sub], ['berth', service, 'admin']);
        assert.equal(Number(exp) - Number(iat), body.expires_in);
        assert.match(String(jti), /^[0-9a-f-]{36}$/);
        assert.deepEqual(access, [
          { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
        ]);
      }),
    );

    test(
      'joins scopes that are repeated, joined by spaces, or of one repository',
      served(async ({ call, admin, addProject }) => {
        await addProject('team');
        const scopes =
          'scope=repository:team/a:pull&scope=repository:team/b:pull%20repository:team/a:push';
        assert.deepEqual(accessIn(await call(admin, 'GET', `${path}?${scopes}`)), [
          { type: 'repository', name: 'team/a', actions: ['pull', 'push'] },
          { type: 'repository', name: 'team/b', actions: ['pull'] },
        ]);
        const all = await call(admin, 'GET', `${path}?scope=repository:team/a:*`);
        assert.equal(all.body.scope, 'repository:team/a:pull,push,delete');
      }),
    );

    test(
      'is given for less than was asked, without an error',
      served(async ({ call, addProject, addUser }) => {
        await addProject('open', { public: true });
        await addProject('closed');
        const { login } = await addUser('alice');
        const scopes = 'scope=repository:open/app:pull,push&scope=repository:closed/app:pull';
        const answer = await call(login, 'GET', `${path}?${scopes}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository:open/app:pull');
        const nothing = await call(login, 'GET', `${path}?scope=repository:closed/app:pull`);
        assert.equal(nothing.status, 200);
        assert.equal(nothing.body.scope, '');
        assert.deepEqual(accessIn(nothing), []);
      }),
    );

    test(
      'of a member holds what the role allows',
      served(async ({ call, admin, addProject, addUser }) => {
        const project = await addProject('team');
        const { login } = await addUser('alice');
        await call(admin, 'POST', `/api/v2.0/projects/${project}/members`, {
          body: { role_id: 2, member_user: { username: 'alice' } },
        });
        const answer = await call(
          login,
          'GET',
          `${path}?scope=repository:team/app:pull,push,delete`,
        );
        assert.equal(answer.body.scope, 'repository:team/app:pull,push');
      }),
    );

    test(
      'is given to nobody for what public projects allow everybody',
      served(async ({ call, addProject }) => {
        await addProject('open', { public: true });
        const scopes = 'scope=repository:open/app:pull,push&scope=repository:closed/app:pull';
        const answer = await call(undefined, 'GET', `${path}?${scopes}&offline_token=true`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository:open/app:pull');
        assert.equal(answer.body.refresh_token, undefined);
        assert.equal((await call(undefined, 'GET', path)).status, 200);
      }),
    );

    test(
      'lets a system admin push to a project that does not exist yet, and nobody else',
      served(async ({ call, admin, addUser, addRobot }) => {
        const { login } = await addUser('alice');
        const robot = await addRobot('ci', ['*:repository:push']);
        const scope = `${path}?scope=repository:new/app:push`;
        assert.equal((await call(admin, 'GET', scope)).body.scope, 'repository:new/app:push');
        assert.equal((await call(login, 'GET', scope)).body.scope, '');
        assert.equal((await call(robot.login, 'GET', scope)).body.scope, '');
      }),
    );

    test(
      'opens the catalog to those who may read it',
      served(async ({ call, admin, addUser, addRobot }) => {
        const { login } = await addUser('alice');
        const robot = await addRobot('reader', ['/:catalog:read']);
        const scope = `${path}?scope=registry:catalog:*`;
        assert.equal((await call(admin, 'GET', scope)).body.scope, 'registry:catalog:*');
        assert.equal((await call(robot.login, 'GET', scope)).body.scope, 'registry:catalog:*');
        assert.equal((await call(login, 'GET', scope)).body.scope, '');
      }),
    );

    test(
      'leaves out scopes that cannot be understood, and refuses more than any client asks',
      served(async ({ call, admin, addProject }) => {
        await addProject('team');
        const scopes = [
          'repository(plugin):team/plugin:pull',
          'repository:registry.test:5000/team/app:pull',
          'repository:team/app',
          'repository::pull',
          'repository:TEAM/app:pull',
          'repository:team/app:fly',
          'nothing',
          ':::',
        ];
        const query = scopes.map((scope) => `scope=${encodeURIComponent(scope)}`).join('&');
        const answer = await call(admin, 'GET', `${path}?${query}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository(plugin):team/plugin:pull');
        const many = Array.from({ length: 51 }, (_, at) => `repository:team/${at}:pull`).join('+');
        assert.equal((await call(admin, 'GET', `${path}?scope=${many}`)).status, 400);
        const long = `repository:team/${'a'.repeat(5_000)}:pull`;
        assert.equal((await call(admin, 'GET', `${path}?scope=${long}`)).status, 400);
      }),
    );

    test(
      'with as many scopes as may be asked fits the headers of a request',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const many = Array.from(
          { length: 50 },
          (_, at) => `repository:${'p'.repeat(40)}/${at}:pull,push`,
        );
        const answer = await call(login, 'GET', `${path}?scope=${many.join('+')}`);
        assert.equal(answer.status, 200);
        assert.ok(answer.body.token.length < 15 * 1024, String(answer.body.token.length));
      }),
    );

    test(
      'is refused for another service',
      served(async ({ call, admin }) => {
        const answer = await call(admin, 'GET', `${path}?service=other.example.com`);
        assert.equal(answer.status, 400);
        assert.match(sentenceOf(answer), /other\.example\.com.*harbor-registry/);
      }),
    );
  });

  describe(`wrong credentials on ${name}`, () => {
    test(
      'answer 401 with a sentence and its cure, whatever is asked for',
      served(async ({ call, admin, addRobot }) => {
        const robot = await addRobot('ci', ['*:repository:pull']);
        for (const query of ['', '?scope=repository:open/app:pull']) {
          for (const user of ['admin', 'nobody']) {
            const answer = await call([user, 'wrong password'], 'GET', `${path}${query}`);
            assert.equal(answer.status, 401);
            assert.equal(answer.body.errors[0].code, 'UNAUTHORIZED');
            assert.match(sentenceOf(answer), new RegExp(`berth user password ${user}`));
            assert.match(String(answer.headers.get('www-authenticate')), /^Basic realm=/);
          }
          const [robotName] = robot.login;
          const answer = await call([robotName, 'berth_robot_wrong'], 'GET', `${path}${query}`);
          assert.equal(answer.status, 401);
          assert.match(sentenceOf(answer), /robot\+ci.*berth robot refresh robot\+ci/);
        }
        assert.equal((await call(['', ''], 'GET', path)).status, 401);
        assert.equal((await call([admin[0], ''], 'GET', path)).status, 401);
      }),
    );

    test(
      'are told by a sentence where the header cannot be read',
      served(async ({ call, admin }) => {
        const { token } = (await call(admin, 'GET', path)).body;
        const headers: [string, RegExp][] = [
          ['Basic', /cannot be read/],
          ['Basic !!!', /cannot be read/],
          [`Basic ${Buffer.from('nocolon').toString('base64')}`, /cannot be read/],
          ['Digest username="a"', /Basic or Bearer/],
          ['Bearer', /no token/],
          [`Bearer ${token}`, /takes no tokens/],
          [basic(['admin', 'a'.repeat(9_000)]), /longer/],
        ];
        for (const [authorization, sentence] of headers) {
          const answer = await call(undefined, 'GET', path, { headers: { authorization } });
          assert.equal(answer.status, 401, authorization.slice(0, 40));
          assert.match(sentenceOf(answer), sentence);
        }
      }),
    );
  });

  describe(`the form of the token endpoint on ${name}`, () => {
    test(
      'takes a name and a password',
      served(async ({ call, admin, addProject }) => {
        await addProject('team');
        const form = {
          grant_type: 'password',
          service,
          client_id: 'containerd-client',
          username: admin[0],
          password: admin[1],
          scope: 'repository:team/a:pull repository:team/b:pull',
        };
        const answer = await call(undefined, 'POST', path, { form });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, form.scope);
        assert.equal(answer.body.refresh_token, undefined);
        const wrong = await call(undefined, 'POST', path, { form: { ...form, password: 'wrong' } });
        assert.equal(wrong.status, 401);
      }),
    );

    test(
      'gives docker no refresh token, which would lock a kubelet out of the pull secret made of it',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const answer = await call(login, 'GET', `${path}?offline_token=true&account=alice`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.refresh_token, undefined);
      }),
    );

    test(
      'takes a refresh token, until the password changes',
      served(async ({ call, admin, addUser, addProject }) => {
        await addProject('open', { public: true });
        const { id, login } = await addUser('alice');
        const byForm = await call(undefined, 'POST', path, {
          form: {
            grant_type: 'password',
            access_type: 'offline',
            username: login[0],
            password: login[1],
          },
        });
        assert.equal(decodeProtectedHeader(byForm.body.refresh_token).typ, 'berth-refresh+jwt');
        const form = {
          grant_type: 'refresh_token',
          refresh_token: byForm.body.refresh_token,
          client_id: 'docker',
          service,
          scope: 'repository:open/app:pull',
        };
        const answer = await call(undefined, 'POST', path, { form });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, form.scope);
        assert.equal(decodeJwt(answer.body.token).sub, 'alice');

        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: 'another password' },
        });
        const late = await call(undefined, 'POST', path, { form });
        assert.equal(late.status, 401);
        assert.match(sentenceOf(late), /alice.*sign in again/);
      }),
    );

    test(
      'is refused in the status line too, the one thing that containerd passes on',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('zoë');
        const [username] = login;
        const form = { grant_type: 'password', username, password: 'wrong' };
        for (const answer of [
          await call([username, 'wrong'], 'GET', path),
          await call(undefined, 'POST', path, { form }),
        ]) {
          assert.equal(answer.status, 401);
          assert.match(answer.reason, /^The user name .* or its password is wrong: check both; /);
          assert.match(answer.reason, /^[\x20-\x7e]{1,256}$/);
        }
        assert.equal((await call(login, 'GET', path)).reason, 'OK');
      }),
    );

    test(
      'refuses what it does not know, by the name of the field',
      served(async ({ call }) => {
        const answer = await call(undefined, 'POST', path, { form: { grant_type: 'magic' } });
        assert.equal(answer.status, 400);
        assert.match(sentenceOf(answer), /body\.grant_type must be one of "password"/);
        const empty = await call(undefined, 'POST', path, {
          form: { grant_type: 'refresh_token' },
        });
        assert.equal(empty.status, 401);
      }),
    );
  });

  describe(`a registry token on ${name}`, () => {
    const scope = 'scope=repository:team/app:pull,push';

    test(
      'reaches as far as it was asked for',
      served(async ({ call, auth, addProject, addUser }) => {
        await addProject('team');
        const { login } = await addUser('alice');
        const { token } = (await call(login, 'GET', `${path}?${scope}`)).body;
        const caller = await auth.authenticate(`Bearer ${token}`, '127.0.0.1');
        assert.equal(caller.principal.kind === 'user' && caller.principal.name, 'alice');
        assert.deepEqual([...(caller.scope?.get('team/app') ?? [])], ['pull', 'push']);
        assert.equal(caller.scope?.get('team/other'), undefined);
      }),
    );

    test(
      'ends with the next request after the password changes or the user goes',
      served(async ({ call, admin, auth, addUser }) => {
        const alice = await addUser('alice');
        const bob = await addUser('bob');
        const use = (token: string) => async () => auth.authenticate(`Bearer ${token}`, '::1');
        const ofAlice = use((await call(alice.login, 'GET', path)).body.token);
        const ofBob = use((await call(bob.login, 'GET', path)).body.token);
        await ofAlice();
        await ofBob();
        await call(admin, 'PUT', `/api/v2.0/users/${alice.id}/password`, {
          body: { new_password: 'another password' },
        });
        await assert.rejects(ofAlice, /alice.*sign in again/);
        await ofBob();
        await call(admin, 'DELETE', `/api/v2.0/users/${bob.id}`);
        await assert.rejects(ofBob, /bob.*sign in again/);
      }),
    );

    test(
      'of a robot ends with the next request after it is disabled, expires or gets a new secret',
      served(async (server) => {
        const { call, admin, auth, addRobot } = server;
        const robots = {
          disabled: await addRobot('disabled', ['*:repository:pull']),
          renewed: await addRobot('renewed', ['*:repository:pull']),
          expiring: await addRobot('expiring', ['*:repository:pull'], { duration: 1 }),
          deleted: await addRobot('deleted', ['*:repository:pull']),
        };
        const almost = server.now + 24 * 60 * 60 * 1000 - 60_000;
        server.now = almost;
        const use = async ({ login }: (typeof robots)['deleted']) => {
          const { token } = (await call(login, 'GET', path)).body;
          const again = async () => auth.authenticate(`Bearer ${token}`, '::1');
          await again();
          return again;
        };
        const disabled = await use(robots.disabled);
        const renewed = await use(robots.renewed);
        const expiring = await use(robots.expiring);
        const deleted = await use(robots.deleted);
        const at = ({ id }: { id: number }) => `/api/v2.0/robots/${id}`;
        await call(admin, 'PUT', at(robots.disabled), { body: { disable: true } });
        await assert.rejects(disabled, /robot\+disabled is disabled.*berth robot enable/);
        await call(admin, 'PATCH', at(robots.renewed), { body: {} });
        await assert.rejects(renewed, /robot\+renewed has a new secret/);
        await call(admin, 'DELETE', at(robots.deleted));
        await assert.rejects(deleted, /robot\+deleted.*gone/);
        await expiring();
        server.now = almost + 60_000;
        await assert.rejects(expiring, /robot\+expiring expired at 20.*Z.*berth robot refresh/);
      }),
    );

    test(
      'does not outlive its own time, but for a day still tells who carries on an upload',
      served(async (server) => {
        const { call, admin, auth } = server;
        const { token, expires_in: seconds } = (await call(admin, 'GET', path)).body;
        const use = async () => auth.authenticate(`Bearer ${token}`, '::1');
        const { principal, scope } = await use();
        server.now += (seconds - 2) * 1000;
        assert.deepEqual(await use(), { principal, scope });
        server.now += 2_000;
        assert.deepEqual(await use(), { principal, scope, expired: true });
        server.now += day - 1_000;
        assert.deepEqual(await use(), { principal, scope, expired: true });
        server.now += 1_000;
        await assert.rejects(use, /expired/);
      }),
    );

    test(
      'that has expired tells nobody once its credential ends',
      served(async (server) => {
        const { call, admin, addUser, auth } = server;
        const { id, login } = await addUser('alice');
        const { token, expires_in: seconds } = (await call(login, 'GET', path)).body;
        const use = async () => auth.authenticate(`Bearer ${token}`, '::1');
        server.now += seconds * 1000;
        assert.equal((await use()).expired, true);
        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: 'another password' },
        });
        await assert.rejects(use, /alice/);
      }),
    );
  });

  describe(`Basic credentials on ${name}`, () => {
    const whoami = '/api/v2.0/users/current';

    test(
      'end with the next request after they change',
      served(async ({ call, admin, addUser }) => {
        const { id, login } = await addUser('alice');
        assert.equal((await call(login, 'GET', whoami)).status, 200);
        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: 'another password' },
        });
        assert.equal((await call(login, 'GET', whoami)).status, 401);
        assert.equal((await call(['alice', 'another password'], 'GET', whoami)).status, 200);
      }),
    );

    test(
      'may be guessed ten times from one place, and still open the account from another',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const guess = (password: string, address: string) =>
          call(['alice', password], 'GET', whoami, { address });
        const guesses = await Promise.all(
          Array.from({ length: 14 }, (_, at) => guess(`wrong ${at}`, '192.0.2.1')),
        );
        const statuses = guesses.map(({ status }) => status);
        assert.equal(statuses.filter((status) => status === 401).length, 10);
        assert.equal(statuses.filter((status) => status === 429).length, 4);
        const refused = await guess(login[1], '192.0.2.1');
        assert.equal(refused.status, 429);
        const wait = Number(refused.headers.get('retry-after'));
        assert.ok(wait > 0 && wait <= 300, String(wait));
        assert.match(sentenceOf(refused), /alice: wait \d+ seconds/);
        assert.equal((await guess(login[1], '192.0.2.2')).status, 200);
        assert.equal(
          (await call(['bob', 'wrong'], 'GET', whoami, { address: '192.0.2.1' })).status,
          401,
        );
      }),
    );

    test(
      'that are wrong are one guess however often a pull secret repeats them',
      served(async (server) => {
        const { call, addUser } = server;
        const { login } = await addUser('alice');
        const stale = () => call(['alice', 'stale password'], 'GET', path);
        const statuses = new Set<number>();
        for (let count = 0; count < 30; count += 1) statuses.add((await stale()).status);
        assert.deepEqual([...statuses], [401]);
        assert.equal((await call(login, 'GET', path)).status, 200);
      }),
    );

    test(
      'that were wrong are right from the moment that they become so',
      served(async ({ call, admin, addUser }) => {
        const early: Login = ['bob', 'password of bob'];
        assert.equal((await call(early, 'GET', path)).status, 401);
        const { id, login } = await addUser('bob');
        assert.equal((await call(login, 'GET', path)).status, 200);
        const next: Login = ['bob', 'another password'];
        assert.equal((await call(next, 'GET', path)).status, 401);
        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: next[1] },
        });
        assert.equal((await call(next, 'GET', path)).status, 200);
        assert.equal((await call(login, 'GET', path)).status, 401);
      }),
    );

    test(
      'that cannot be guessed always succeed when they are right',
      served(async ({ call, addRobot }) => {
        const { login } = await addRobot('ci', ['*:repository:pull']);
        const [robot, secret] = login;
        const stale = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`;
        const statuses = [];
        for (let count = 0; count < 31; count += 1) {
          statuses.push((await call([robot, stale], 'GET', path)).status);
        }
        assert.equal(statuses.at(29), 401);
        assert.equal(statuses.at(30), 429);
        assert.equal((await call(login, 'GET', path)).status, 200);
      }),
    );

    test(
      'are shared by all that sign in at once',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const answers = await Promise.all(
          Array.from({ length: 40 }, () => call(login, 'GET', whoami)),
        );
        assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      }),
    );
  });

  test(
    `a cached caller is told without waiting (${name})`,
    served(async ({ call, auth, admin }) => {
      const { token } = (await call(admin, 'GET', path)).body;
      for (const authorization of [`Bearer ${token}`, basic(admin)]) {
        await auth.authenticate(authorization, '::1');
        const again = auth.authenticate(authorization, '::1');
        assert.equal(again instanceof Promise, false);
      }
    }),
  );
}
