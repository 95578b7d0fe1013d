import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterProof } from '#contract/agent.ts';
import type { Database } from '#server/database/database.ts';
import { onBothDatabases, withEmptyDatabase } from '#test/databases.ts';
import { readKeys } from '../enrolment/keys.ts';
import { findCluster } from '../queries.ts';
import { issuer, makeCluster, type TestCluster } from '../testing/agents.ts';
import { keepConnectToken } from '../writes/connect-tokens.ts';
import { proveCluster } from '../writes/enrolment.ts';
import { createKeyRing } from './key-ring.ts';

onBothDatabases(new URL('../testing/writes.ts', import.meta.url), (name, open) => {
  describe(`the keys of clusters on ${name}`, () => {
    let database: Database;
    let now = 1;
    withEmptyDatabase(open, (empty) => {
      database = empty;
    });

    /** Proves each of the keys of a cluster in turn, as one that changes them does. */
    async function prove(cluster: string, uid: string, ofCluster: readonly TestCluster[]) {
      await database.write(keepConnectToken, {
        cluster,
        settings: {},
        secretHmac: Buffer.from(cluster),
        creator: 'user admin',
        expiresAt: 1e15,
        now,
      });
      const { id = 0 } = (await findCluster(database.read, cluster)) ?? {};
      const keys = await readKeys(ofCluster.map(({ jwk }) => jwk) as ClusterProof['keys']);
      for (const { thumbprint } of keys) {
        now += 1;
        await database.write(proveCluster, {
          cluster: id,
          uid,
          issuer,
          kubernetesVersion: 'v1.36.3',
          keys: keys.map((key) => ({ thumbprint: key.thumbprint, jwk: JSON.stringify(key.jwk) })),
          proven: thumbprint,
          now,
        });
      }
    }

    test('find the one that signed, although others have proven many of the same name before', async () => {
      const prod = await makeCluster();
      const { kid = '' } = prod.jwk;
      for (const liar of ['liar-1', 'liar-2', 'liar-3']) {
        const made = await Promise.all(Array.from({ length: 20 }, () => makeCluster()));
        const named = made.map((one) => ({ ...one, jwk: { ...one.jwk, kid } }));
        await prove(liar, liar, named);
      }
      await prove('prod', prod.uid, [prod]);
      const ring = await createKeyRing(database)();
      const candidates = ring.candidates(kid, issuer);
      assert.ok(candidates.some(({ cluster }) => cluster.name === 'prod'));
      assert.ok(candidates.length <= 8, String(candidates.length));
    });
  });
});
