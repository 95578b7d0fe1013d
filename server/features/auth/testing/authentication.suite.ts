import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  basic,
  type Login,
  type OpenDatabase,
  onAccounts,
  sentenceOf,
  tokenPath,
} from './server.suite.ts';

const day = 24 * 60 * 60 * 1000;

/** The promises of credentials and registry tokens, on any database. */
export function authenticationSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`wrong credentials on ${name}`, () => {
    test(
      'answer 401 with a sentence and its cure, whatever is asked for',
      served(async ({ call, admin, addRobot }) => {
        const robot = await addRobot('ci', ['*:repository:pull']);
        for (const query of ['', '?scope=repository:open/app:pull']) {
          for (const user of ['admin', 'nobody']) {
            const answer = await call([user, 'wrong password'], 'GET', `${tokenPath}${query}`);
            assert.equal(answer.status, 401);
            assert.equal(answer.body.errors[0].code, 'UNAUTHORIZED');
            assert.match(sentenceOf(answer), new RegExp(`berth user password ${user}`));
            assert.match(String(answer.headers.get('www-authenticate')), /^Basic realm=/);
          }
          const [robotName] = robot.login;
          const answer = await call(
            [robotName, 'berth_robot_wrong'],
            'GET',
            `${tokenPath}${query}`,
          );
          assert.equal(answer.status, 401);
          assert.match(sentenceOf(answer), /robot\+ci.*berth robot refresh robot\+ci/);
        }
        assert.equal((await call(['', ''], 'GET', tokenPath)).status, 401);
        assert.equal((await call([admin[0], ''], 'GET', tokenPath)).status, 401);
      }),
    );

    test(
      'are told by a sentence where the header cannot be read',
      served(async ({ call, admin }) => {
        const { token } = (await call(admin, 'GET', tokenPath)).body;
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
          const answer = await call(undefined, 'GET', tokenPath, { headers: { authorization } });
          assert.equal(answer.status, 401, authorization.slice(0, 40));
          assert.match(sentenceOf(answer), sentence);
        }
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
        const { token } = (await call(login, 'GET', `${tokenPath}?${scope}`)).body;
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
        const ofAlice = use((await call(alice.login, 'GET', tokenPath)).body.token);
        const ofBob = use((await call(bob.login, 'GET', tokenPath)).body.token);
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
          const { token } = (await call(login, 'GET', tokenPath)).body;
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
        const { token, expires_in: seconds } = (await call(admin, 'GET', tokenPath)).body;
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
        const { token, expires_in: seconds } = (await call(login, 'GET', tokenPath)).body;
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
        const stale = () => call(['alice', 'stale password'], 'GET', tokenPath);
        const statuses = new Set<number>();
        for (let count = 0; count < 30; count += 1) statuses.add((await stale()).status);
        assert.deepEqual([...statuses], [401]);
        assert.equal((await call(login, 'GET', tokenPath)).status, 200);
      }),
    );

    test(
      'that were wrong are right from the moment that they become so',
      served(async ({ call, admin, addUser }) => {
        const early: Login = ['bob', 'password of bob'];
        assert.equal((await call(early, 'GET', tokenPath)).status, 401);
        const { id, login } = await addUser('bob');
        assert.equal((await call(login, 'GET', tokenPath)).status, 200);
        const next: Login = ['bob', 'another password'];
        assert.equal((await call(next, 'GET', tokenPath)).status, 401);
        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: next[1] },
        });
        assert.equal((await call(next, 'GET', tokenPath)).status, 200);
        assert.equal((await call(login, 'GET', tokenPath)).status, 401);
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
          statuses.push((await call([robot, stale], 'GET', tokenPath)).status);
        }
        assert.equal(statuses.at(29), 401);
        assert.equal(statuses.at(30), 429);
        assert.equal((await call(login, 'GET', tokenPath)).status, 200);
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
      const { token } = (await call(admin, 'GET', tokenPath)).body;
      for (const authorization of [`Bearer ${token}`, basic(admin)]) {
        await auth.authenticate(authorization, '::1');
        const again = auth.authenticate(authorization, '::1');
        assert.equal(again instanceof Promise, false);
      }
    }),
  );
}
