import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import {
  type Answer,
  type OpenDatabase,
  onAccounts,
  sentenceOf,
  service,
  tokenPath,
} from './server.suite.ts';

function accessIn({ body }: Answer) {
  return decodeJwt(body.token).access;
}

/** The promises of the token endpoint, on any database. */
export function tokenEndpointSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`a token on ${name}`, () => {
    test(
      'says what was granted, in the form of the token protocol',
      served(async ({ call, admin, addProject, now }) => {
        await addProject('team');
        const scope = 'repository:team/app:pull,push';
        const answer = await call(
          admin,
          'GET',
          `${tokenPath}?service=${service}&scope=${scope}&account=admin`,
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
        assert.deepEqual(accessIn(await call(admin, 'GET', `${tokenPath}?${scopes}`)), [
          { type: 'repository', name: 'team/a', actions: ['pull', 'push'] },
          { type: 'repository', name: 'team/b', actions: ['pull'] },
        ]);
        const all = await call(admin, 'GET', `${tokenPath}?scope=repository:team/a:*`);
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
        const answer = await call(login, 'GET', `${tokenPath}?${scopes}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository:open/app:pull');
        const nothing = await call(login, 'GET', `${tokenPath}?scope=repository:closed/app:pull`);
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
          `${tokenPath}?scope=repository:team/app:pull,push,delete`,
        );
        assert.equal(answer.body.scope, 'repository:team/app:pull,push');
      }),
    );

    test(
      'is given to nobody for what public projects allow everybody',
      served(async ({ call, addProject }) => {
        await addProject('open', { public: true });
        const scopes = 'scope=repository:open/app:pull,push&scope=repository:closed/app:pull';
        const answer = await call(undefined, 'GET', `${tokenPath}?${scopes}&offline_token=true`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository:open/app:pull');
        assert.equal(answer.body.refresh_token, undefined);
        assert.equal((await call(undefined, 'GET', tokenPath)).status, 200);
      }),
    );

    test(
      'lets a system admin push to a project that does not exist yet, and nobody else',
      served(async ({ call, admin, addUser, addRobot }) => {
        const { login } = await addUser('alice');
        const robot = await addRobot('ci', ['*:repository:push']);
        const scope = `${tokenPath}?scope=repository:new/app:push`;
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
        const scope = `${tokenPath}?scope=registry:catalog:*`;
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
        const answer = await call(admin, 'GET', `${tokenPath}?${query}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, 'repository(plugin):team/plugin:pull');
        const many = Array.from({ length: 51 }, (_, at) => `repository:team/${at}:pull`).join('+');
        assert.equal((await call(admin, 'GET', `${tokenPath}?scope=${many}`)).status, 400);
        const long = `repository:team/${'a'.repeat(5_000)}:pull`;
        assert.equal((await call(admin, 'GET', `${tokenPath}?scope=${long}`)).status, 400);
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
        const answer = await call(login, 'GET', `${tokenPath}?scope=${many.join('+')}`);
        assert.equal(answer.status, 200);
        assert.ok(answer.body.token.length < 15 * 1024, String(answer.body.token.length));
      }),
    );

    test(
      'is refused for another service',
      served(async ({ call, admin }) => {
        const answer = await call(admin, 'GET', `${tokenPath}?service=other.example.com`);
        assert.equal(answer.status, 400);
        assert.match(sentenceOf(answer), /other\.example\.com.*harbor-registry/);
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
        const answer = await call(undefined, 'POST', tokenPath, { form });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, form.scope);
        assert.equal(answer.body.refresh_token, undefined);
        const wrong = await call(undefined, 'POST', tokenPath, {
          form: { ...form, password: 'wrong' },
        });
        assert.equal(wrong.status, 401);
      }),
    );

    test(
      'gives docker no refresh token, which would lock a kubelet out of the pull secret made of it',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const answer = await call(login, 'GET', `${tokenPath}?offline_token=true&account=alice`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body.refresh_token, undefined);
      }),
    );

    test(
      'takes a refresh token, until the password changes',
      served(async ({ call, admin, addUser, addProject }) => {
        await addProject('open', { public: true });
        const { id, login } = await addUser('alice');
        const byForm = await call(undefined, 'POST', tokenPath, {
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
        const answer = await call(undefined, 'POST', tokenPath, { form });
        assert.equal(answer.status, 200);
        assert.equal(answer.body.scope, form.scope);
        assert.equal(decodeJwt(answer.body.token).sub, 'alice');

        await call(admin, 'PUT', `/api/v2.0/users/${id}/password`, {
          body: { new_password: 'another password' },
        });
        const late = await call(undefined, 'POST', tokenPath, { form });
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
          await call([username, 'wrong'], 'GET', tokenPath),
          await call(undefined, 'POST', tokenPath, { form }),
        ]) {
          assert.equal(answer.status, 401);
          assert.match(answer.reason, /^The user name .* or its password is wrong: check both; /);
          assert.match(answer.reason, /^[\x20-\x7e]{1,256}$/);
        }
        assert.equal((await call(login, 'GET', tokenPath)).reason, 'OK');
      }),
    );

    test(
      'refuses what it does not know, by the name of the field',
      served(async ({ call }) => {
        const answer = await call(undefined, 'POST', tokenPath, { form: { grant_type: 'magic' } });
        assert.equal(answer.status, 400);
        assert.match(sentenceOf(answer), /body\.grant_type must be one of "password"/);
        const empty = await call(undefined, 'POST', tokenPath, {
          form: { grant_type: 'refresh_token' },
        });
        assert.equal(empty.status, 401);
      }),
    );
  });
}
