import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type OpenDatabase, onAccounts, sentenceOf } from '../../auth/testing/server.suite.ts';

const users = '/api/v2.0/users';
const tokens = `${users}/current/tokens`;

/** The promises of users' access tokens, on any database. */
export function accessTokensSuite(name: string, open: () => Promise<OpenDatabase>): void {
  const served = onAccounts(open);

  describe(`access tokens on ${name}`, () => {
    test(
      'sign their user in everywhere, and show their secret once',
      served(async ({ call, addUser }) => {
        const { login } = await addUser('alice');
        const made = await call(login, 'POST', tokens, { body: { name: 'laptop' } });
        assert.equal(made.status, 201);
        assert.match(made.body.secret, /^berth_pat_[0-9A-Za-z]{49}$/);
        assert.equal(made.headers.get('location'), `${tokens}/${made.body.id}`);
        const bySecret = ['alice', made.body.secret] as const;
        assert.equal((await call(bySecret, 'GET', `${users}/current`)).body.username, 'alice');
        assert.equal((await call(bySecret, 'GET', '/service/token')).status, 200);
        assert.equal((await call(['bob', made.body.secret], 'GET', '/service/token')).status, 401);
        const list = await call(login, 'GET', tokens);
        assert.deepEqual(Object.keys(list.body[0]).sort(), [
          'creation_time',
          'expires_at',
          'id',
          'last_used_at',
          'name',
        ]);
      }),
    );

    test(
      'tell when they were used last',
      served(async (server) => {
        const { login } = await server.addUser('alice');
        const { secret } = (await server.call(login, 'POST', tokens, { body: { name: 'a' } })).body;
        const lastUse = async () => (await server.call(login, 'GET', tokens)).body[0].last_used_at;
        assert.equal(await lastUse(), null);
        await server.call(['alice', secret], 'GET', `${users}/current`);
        const first = new Date(server.now).toISOString();
        while ((await lastUse()) !== first);
        server.now += 2 * 60 * 60 * 1000;
        await server.call(['alice', secret], 'GET', `${users}/current`);
        const second = new Date(server.now).toISOString();
        while ((await lastUse()) !== second);
      }),
    );

    test(
      'end when they are deleted or expire, with all that was issued on them',
      served(async (server) => {
        const { call, auth, addUser } = server;
        const { login } = await addUser('alice');
        const make = async (body: object) => (await call(login, 'POST', tokens, { body })).body;
        const issue = async (secret: string) => {
          const { token } = (await call(['alice', secret], 'GET', '/service/token')).body;
          const use = async () => auth.authenticate(`Bearer ${token}`, '::1');
          await use();
          return use;
        };
        const lasting = await make({ name: 'lasting', expires_in_days: null });
        const short = await make({ name: 'short', expires_in_days: 1 });
        server.now += 24 * 60 * 60 * 1000 - 60_000;
        const ofLasting = await issue(lasting.secret);
        const ofShort = await issue(short.secret);
        server.now += 60_000;
        await assert.rejects(ofShort, /short of user alice expired at .*berth token create/);
        const expired = await call(['alice', short.secret], 'GET', `${users}/current`);
        assert.equal(expired.status, 401);
        assert.match(sentenceOf(expired), /short of user alice expired/);
        await ofLasting();
        assert.equal((await call(login, 'DELETE', `${tokens}/${lasting.id}`)).status, 200);
        await assert.rejects(ofLasting, /sign in again/);
        assert.equal((await call(['alice', lasting.secret], 'GET', tokens)).status, 401);
      }),
    );

    test(
      'outlive a change of the password, and what was issued on them does not',
      served(async ({ call, auth, admin, addUser }) => {
        const { id, login } = await addUser('alice');
        const { secret } = (await call(login, 'POST', tokens, { body: { name: 'a' } })).body;
        const { token } = (await call(['alice', secret], 'GET', '/service/token')).body;
        const use = async () => auth.authenticate(`Bearer ${token}`, '::1');
        await use();
        await call(admin, 'PUT', `${users}/${id}/password`, {
          body: { new_password: 'another password' },
        });
        await assert.rejects(use, /sign in again/);
        assert.equal((await call(['alice', secret], 'GET', '/service/token')).status, 200);
      }),
    );

    test(
      'have names that are unique for their user, and belong to nobody else',
      served(async ({ call, addUser }) => {
        const alice = await addUser('alice');
        const bob = await addUser('bob');
        const body = { name: 'laptop', expires_in_days: 30 };
        const { id } = (await call(alice.login, 'POST', tokens, { body })).body;
        const again = await call(alice.login, 'POST', tokens, { body });
        assert.equal(again.status, 409);
        assert.match(sentenceOf(again), /laptop already/);
        assert.equal((await call(bob.login, 'POST', tokens, { body })).status, 201);
        assert.equal((await call(bob.login, 'DELETE', `${tokens}/${id}`)).status, 404);
        for (const bad of [{ name: '' }, { name: ' x' }, { name: 'x', expires_in_days: 0 }]) {
          assert.equal((await call(bob.login, 'POST', tokens, { body: bad })).status, 400);
        }
        assert.equal((await call(undefined, 'GET', tokens)).status, 401);
      }),
    );
  });
}
