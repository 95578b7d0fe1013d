import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterProof } from '#contract/agent.ts';
import type { OpenEmpty } from '#test/databases.ts';
import { keysOf } from '../connection-queries.ts';
import { findCluster, latestToken } from '../queries.ts';
import { makeCluster, registryName, type TestCluster } from './agents.ts';
import { enrolments, minute, refused, secrets, thumbprint } from './enrolments.ts';

/** The promises of connect tokens and of the proofs that go with them, on any database. */
export function connectTokensSuite(name: string, open: OpenEmpty): void {
  describe(`enrolment on ${name}`, () => {
    const place = enrolments(open);
    const { tokenOf, enrolWith, use, thumbprintsOf } = place;

    test('binds a cluster to its UID, its issuer and its keys', async () => {
      const prod = await makeCluster('RS256');
      const identity = await enrolWith(await tokenOf('prod'), await prod.proof());
      assert.equal(identity.cluster, 'prod');
      assert.match(identity.secret, /^berth_agent_[0-9A-Za-z]{49}$/);
      const row = await findCluster(place.database.read, 'prod');
      assert.equal(row?.uid, prod.uid);
      assert.equal(row.kubernetes_version, 'v1.36.3');
      assert.deepEqual(await thumbprintsOf('prod'), [await thumbprint(prod)]);
    });

    test('takes a token once', async () => {
      const prod = await makeCluster();
      const token = await tokenOf('prod');
      await enrolWith(token, await prod.proof());
      await use('prod');
      await refused(
        enrolWith(token, await prod.proof()),
        'unauthenticated',
        /was used at .* run berth cluster connect prod again .* disconnect prod --force/,
      );
    });

    test('takes a token once more from the agent that never got the answer, and from no other', async () => {
      const prod = await makeCluster();
      const token = await tokenOf('prod');
      const lost = await enrolWith(token, await prod.proof());
      const thief = await makeCluster();
      await refused(enrolWith(token, await thief.proof()), 'unauthenticated', /was used at/);
      await refused(
        enrolWith(token, await thief.proof({ uid: prod.uid })),
        'unauthenticated',
        /was used at/,
      );
      const found = await enrolWith(token, await prod.proof());
      assert.notEqual(found.secret, lost.secret);
      const identities = await place.database.read
        .selectFrom('agent_identities')
        .selectAll()
        .execute();
      assert.equal(identities.length, 1);
      await use('prod');
      await refused(enrolWith(token, await prod.proof()), 'unauthenticated', /was used at/);
    });

    test('refuses a token that has ended, is unknown, mistyped or no token', async () => {
      const prod = await makeCluster();
      const proof = await prod.proof({
        serviceAccountToken: await prod.token({ exp: Math.floor(place.now / 1000) + 3_600 }),
      });
      const token = await tokenOf('prod');
      place.now += 15 * minute;
      await refused(enrolWith(token, proof), 'unauthenticated', /expired at .* connect prod again/);
      for (const bad of [secrets.connectToken().secret, `${token}x`, '', 'berth_connect_']) {
        await refused(enrolWith(bad, proof), 'unauthenticated', /berth cluster connect NAME again/);
      }
      assert.equal((await findCluster(place.database.read, 'prod'))?.uid, null);
    });

    test('keeps the last five tokens of a cluster', async () => {
      const prod = await makeCluster();
      const tokens: string[] = [];
      for (let turn = 0; turn < 6; turn += 1) tokens.push(await tokenOf('prod'));
      const [first = '', second = ''] = tokens;
      await refused(enrolWith(first, await prod.proof()), 'unauthenticated', /replaced/);
      await enrolWith(second, await prod.proof());
    });

    const badProofs: [string, (cluster: TestCluster) => Promise<Partial<ClusterProof>>, RegExp][] =
      [
        [
          'a token of another ServiceAccount',
          async ({ token }) => ({
            serviceAccountToken: await token({ sub: 'system:serviceaccount:berth:default' }),
          }),
          /is not of system:serviceaccount:berth:berth-agent/,
        ],
        [
          'a token for another audience',
          async ({ token }) => ({ serviceAccountToken: await token({ aud: [registryName] }) }),
          /is not for berth-agent\/localhost:0/,
        ],
        [
          'a token of another issuer',
          async ({ token }) => ({ serviceAccountToken: await token({ iss: 'https://other' }) }),
          /issuer is not/,
        ],
        [
          'a token that has expired',
          async ({ token }) => ({
            serviceAccountToken: await token({ exp: Math.floor(Date.now() / 1000) - 120 }),
          }),
          /has expired: compare the cluster's clock/,
        ],
        [
          'a token of the future',
          async ({ token }) => ({
            serviceAccountToken: await token({ nbf: Math.floor(Date.now() / 1000) + 600 }),
          }),
          /not valid yet/,
        ],
        [
          'a token without an end',
          async ({ token }) => ({ serviceAccountToken: await token({ exp: undefined }) }),
          /exp/,
        ],
        [
          "another cluster's token",
          async () => ({ serviceAccountToken: await (await makeCluster()).token() }),
          /no key of the cluster/,
        ],
        [
          "another cluster's keys",
          async () => ({ keys: [(await makeCluster()).jwk] as ClusterProof['keys'] }),
          /no key of the cluster/,
        ],
        ['no token at all', async () => ({ serviceAccountToken: 'x.y.z' }), /no JSON Web Token/],
        [
          'a token that nobody signed',
          async ({ token }) => {
            const [, claims] = (await token()).split('.');
            const header = Buffer.from('{"alg":"none"}').toString('base64url');
            return { serviceAccountToken: `${header}.${claims}.` };
          },
          /proves no cluster/,
        ],
      ];
    for (const [what, changes, sentence] of badProofs) {
      test(`refuses ${what}, says so on the checklist, and leaves the token good`, async () => {
        const prod = await makeCluster();
        const token = await tokenOf('prod');
        await refused(
          enrolWith(token, await prod.proof(await changes(prod))),
          'unauthenticated',
          sentence,
        );
        const row = await findCluster(place.database.read, 'prod');
        assert.equal(row?.uid, null);
        assert.match((await latestToken(place.database.read, row.id))?.problem ?? '', sentence);
        await enrolWith(token, await prod.proof());
        assert.equal((await latestToken(place.database.read, row.id))?.problem, null);
      });
    }

    test('refuses keys that are none', async () => {
      const prod = await makeCluster();
      const token = await tokenOf('prod');
      const badKeys = [
        [{ kty: 'RSA', n: '!', e: '' }],
        [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }],
        [{ kty: 'OKP', crv: 'X25519', x: 'AA' }],
      ];
      for (const keys of badKeys) {
        const proof = await prod.proof({ keys: keys as ClusterProof['keys'] });
        await refused(enrolWith(token, proof), 'invalid', /get --raw \/openid\/v1\/jwks/);
      }
    });

    test('keeps nothing of a key but the key', async () => {
      const prod = await makeCluster();
      const whole: object[] = [{ ...prod.jwk, d: 'secret', x5c: ['a'] }];
      const keys = whole as ClusterProof['keys'];
      await enrolWith(await tokenOf('prod'), await prod.proof({ keys }));
      const row = await findCluster(place.database.read, 'prod');
      const [key] = await keysOf(place.database.read, row?.id ?? 0);
      assert.deepEqual(Object.keys(key?.jwk ?? {}).sort(), ['crv', 'kid', 'kty', 'x', 'y']);
    });
  });
}
