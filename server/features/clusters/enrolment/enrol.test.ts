import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ClusterProof } from '#contract/agent.ts';
import { Refusal, type RefusalKind } from '#lib/errors.ts';
import type { Database } from '#server/database/database.ts';
import { onBothDatabases } from '#test/databases.ts';
import { keysOf } from '../connection-queries.ts';
import { findCluster, latestToken } from '../queries.ts';
import { clusterSecrets } from '../secrets.ts';
import { issuer, makeCluster, registryName, type TestCluster } from '../testing/agents.ts';
import { beginDisconnection, forgetCluster } from '../writes/clusters.ts';
import { keepConnectToken } from '../writes/connect-tokens.ts';
import { connectAgent } from '../writes/connections.ts';
import { proveCluster } from '../writes/enrolment.ts';
import { enrol } from './enrol.ts';
import { readKeys } from './keys.ts';

const secrets = clusterSecrets(Buffer.alloc(32, 1));
const minute = 60_000;

onBothDatabases(new URL('../testing/writes.ts', import.meta.url), (name, open) => {
  describe(`enrolment on ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let database: Database;
    let now = Date.now();
    before(async () => {
      opened = await open();
      ({ database } = opened);
    });
    after(async () => {
      await database.close();
      await opened.remove();
    });
    beforeEach(async () => {
      now = Date.now();
      for (const { name: cluster } of await database.read
        .selectFrom('clusters')
        .select('name')
        .execute()) {
        await database.write(forgetCluster, { cluster });
      }
    });

    async function tokenOf(cluster: string): Promise<string> {
      const { secret, hmac } = secrets.connectToken();
      await database.write(keepConnectToken, {
        cluster,
        settings: {},
        secretHmac: hmac,
        creator: 'user admin',
        expiresAt: now + 15 * minute,
        now,
      });
      return secret;
    }

    const enrolWith = (token: string, proof: ClusterProof) =>
      enrol(token, proof, { database, secrets, registry: registryName, now: () => now });

    /** Uses the newest identity of a cluster, as its agent's first connection does. */
    async function use(cluster: string): Promise<void> {
      const row = await database.read
        .selectFrom('agent_identities')
        .innerJoin('clusters', 'clusters.id', 'agent_identities.cluster_id')
        .select(['agent_identities.id', 'agent_identities.cluster_id'])
        .where('clusters.name', '=', cluster)
        .executeTakeFirstOrThrow();
      await database.write(connectAgent, {
        cluster: row.cluster_id,
        identity: row.id,
        connection: 'here',
        now,
      });
    }

    async function refused(attempt: Promise<unknown>, kind: RefusalKind, sentence: RegExp) {
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof Refusal, String(error));
        assert.equal(error.kind, kind);
        assert.match(error.message, sentence);
        return true;
      });
    }

    async function thumbprintsOf(cluster: string): Promise<string[]> {
      const row = await findCluster(database.read, cluster);
      const keys = await keysOf(database.read, row?.id ?? 0);
      return keys.map(({ thumbprint }) => thumbprint).sort();
    }

    async function thumbprint({ jwk }: TestCluster): Promise<string> {
      const [key] = await readKeys([jwk] as ClusterProof['keys']);
      return key?.thumbprint ?? '';
    }

    test('binds a cluster to its UID, its issuer and its keys', async () => {
      const prod = await makeCluster('RS256');
      const identity = await enrolWith(await tokenOf('prod'), await prod.proof());
      assert.equal(identity.cluster, 'prod');
      assert.match(identity.secret, /^berth_agent_[0-9A-Za-z]{49}$/);
      const row = await findCluster(database.read, 'prod');
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
      const identities = await database.read.selectFrom('agent_identities').selectAll().execute();
      assert.equal(identities.length, 1);
      await use('prod');
      await refused(enrolWith(token, await prod.proof()), 'unauthenticated', /was used at/);
    });

    test('refuses a token that has ended, is unknown, mistyped or no token', async () => {
      const prod = await makeCluster();
      const proof = await prod.proof({
        serviceAccountToken: await prod.token({ exp: Math.floor(now / 1000) + 3_600 }),
      });
      const token = await tokenOf('prod');
      now += 15 * minute;
      await refused(enrolWith(token, proof), 'unauthenticated', /expired at .* connect prod again/);
      for (const bad of [secrets.connectToken().secret, `${token}x`, '', 'berth_connect_']) {
        await refused(enrolWith(bad, proof), 'unauthenticated', /berth cluster connect NAME again/);
      }
      assert.equal((await findCluster(database.read, 'prod'))?.uid, null);
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
        const row = await findCluster(database.read, 'prod');
        assert.equal(row?.uid, null);
        assert.match((await latestToken(database.read, row.id))?.problem ?? '', sentence);
        await enrolWith(token, await prod.proof());
        assert.equal((await latestToken(database.read, row.id))?.problem, null);
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
      const row = await findCluster(database.read, 'prod');
      const [key] = await keysOf(database.read, row?.id ?? 0);
      assert.deepEqual(Object.keys(key?.jwk ?? {}).sort(), ['crv', 'kid', 'kty', 'x', 'y']);
    });

    test('refuses a second cluster that claims the name of the first', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      const other = await makeCluster();
      await refused(
        enrolWith(await tokenOf('prod'), await other.proof()),
        'conflict',
        new RegExp(`has the UID ${prod.uid}: connect this one under another name`),
      );
      assert.deepEqual(await thumbprintsOf('prod'), [await thumbprint(prod)]);
    });

    test('refuses a cluster that is connected under another name', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      await refused(
        enrolWith(await tokenOf('again'), await prod.proof()),
        'conflict',
        /connected under the name prod already/,
      );
      assert.equal((await findCluster(database.read, 'again'))?.uid, null);
    });

    test('refuses a cluster that signs with the key of another', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      await refused(
        enrolWith(await tokenOf('clone'), await prod.proof({ uid: 'another' })),
        'conflict',
        /prod signs its ServiceAccount tokens with the same key/,
      );
      assert.deepEqual(await thumbprintsOf('clone'), []);
    });

    test('gives a key to whoever proves it, and takes it from who only claimed it', async () => {
      const prod = await makeCluster();
      const liar = await makeCluster();
      const keys = [liar.jwk, prod.jwk] as ClusterProof['keys'];
      await enrolWith(await tokenOf('liar'), await liar.proof({ keys }));
      assert.equal((await thumbprintsOf('liar')).length, 2);
      await enrolWith(await tokenOf('prod'), await prod.proof());
      assert.deepEqual(await thumbprintsOf('liar'), [await thumbprint(liar)]);
      assert.deepEqual(await thumbprintsOf('prod'), [await thumbprint(prod)]);
      // And claims it in vain from then on.
      await enrolWith(await tokenOf('liar'), await liar.proof({ keys }));
      assert.deepEqual(await thumbprintsOf('liar'), [await thumbprint(liar)]);
    });

    test('enrols the same cluster anew, and ends the identity before', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      await use('prod');
      await enrolWith(await tokenOf('prod'), await prod.proof());
      const identities = await database.read.selectFrom('agent_identities').selectAll().execute();
      assert.deepEqual(
        identities.map(({ first_used_at }) => first_used_at),
        [null],
      );
    });

    test('follows a cluster whose keys change', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      const next = await makeCluster();
      const { id = 0 } = (await findCluster(database.read, 'prod')) ?? {};
      const keys = await readKeys([prod.jwk, next.jwk] as ClusterProof['keys']);
      const prove = (of: typeof keys, proven: string) =>
        database.write(proveCluster, {
          cluster: id,
          uid: prod.uid,
          issuer,
          kubernetesVersion: 'v1.37.0',
          keys: of.map((key) => ({ thumbprint: key.thumbprint, jwk: JSON.stringify(key.jwk) })),
          proven,
          now,
        });
      await prove(keys, await thumbprint(prod));
      assert.equal((await thumbprintsOf('prod')).length, 2);
      await prove(keys.slice(1), await thumbprint(next));
      assert.deepEqual(await thumbprintsOf('prod'), [await thumbprint(next)]);
    });

    test('takes no cluster in while it is being disconnected', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      await database.write(beginDisconnection, { cluster: 'prod', now });
      await refused(tokenOf('prod'), 'conflict', /is being disconnected/);
    });
  });
});
