import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterProof } from '#contract/agent.ts';
import type { OpenEmpty } from '#test/databases.ts';
import { readKeys } from '../enrolment/keys.ts';
import { findCluster } from '../queries.ts';
import { beginDisconnection } from '../writes/clusters.ts';
import { proveCluster } from '../writes/enrolment.ts';
import { issuer, makeCluster } from './agents.ts';
import { enrolments, refused, thumbprint } from './enrolments.ts';

/** The promises of which cluster a name and a key belong to, on any database. */
export function clusterBindingsSuite(name: string, open: OpenEmpty): void {
  describe(`enrolment on ${name}`, () => {
    const place = enrolments(open);
    const { tokenOf, enrolWith, use, thumbprintsOf } = place;

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
      assert.equal((await findCluster(place.database.read, 'again'))?.uid, null);
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
      const identities = await place.database.read
        .selectFrom('agent_identities')
        .selectAll()
        .execute();
      assert.deepEqual(
        identities.map(({ first_used_at }) => first_used_at),
        [null],
      );
    });

    test('follows a cluster whose keys change', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      const next = await makeCluster();
      const { id = 0 } = (await findCluster(place.database.read, 'prod')) ?? {};
      const keys = await readKeys([prod.jwk, next.jwk] as ClusterProof['keys']);
      const prove = (of: typeof keys, proven: string) =>
        place.database.write(proveCluster, {
          cluster: id,
          uid: prod.uid,
          issuer,
          kubernetesVersion: 'v1.37.0',
          keys: of.map((key) => ({ thumbprint: key.thumbprint, jwk: JSON.stringify(key.jwk) })),
          proven,
          now: place.now,
        });
      await prove(keys, await thumbprint(prod));
      assert.equal((await thumbprintsOf('prod')).length, 2);
      await prove(keys.slice(1), await thumbprint(next));
      assert.deepEqual(await thumbprintsOf('prod'), [await thumbprint(next)]);
    });

    test('takes no cluster in while it is being disconnected', async () => {
      const prod = await makeCluster();
      await enrolWith(await tokenOf('prod'), await prod.proof());
      await place.database.write(beginDisconnection, { cluster: 'prod', now: place.now });
      await refused(tokenOf('prod'), 'conflict', /is being disconnected/);
    });
  });
}
