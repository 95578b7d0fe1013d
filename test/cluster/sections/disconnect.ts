import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { Cluster } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName, privateProject } from '../bed.ts';
import { untilNoFileIsLeft, untilNoObjectIsLeft } from '../leftovers.ts';
import { haveConnected } from '../preparation.ts';

export function disconnectSection(bed: () => Bed): void {
  describe('disconnecting the cluster', () => {
    before(async () => {
      const { operator, clone } = bed();
      await haveConnected(bed());
      await operator.type('kubectl create namespace leaving');
      await clone.type(
        `./berth cluster grant ${clusterName} --namespace leaving --project ${privateProject}`,
      );
      await waitFor(() => references(bed()), {
        what: 'the reference of a ServiceAccount to its pull secret',
        until: (said) => said.includes('berth-pull'),
      });
    });

    test('takes everything away, and says so', async () => {
      const said = await bed().clone.type(`./berth cluster disconnect ${clusterName} --yes`);
      assert.match(said, /Nothing of Berth is left in it\./);
    });

    test('no object is left, and no reference', async () => {
      await untilNoObjectIsLeft(bed());
      assert.equal(await references(bed()), '');
    });

    test('no file is left on a node', async () => {
      await untilNoFileIsLeft(bed());
    });

    test('Berth knows the cluster no more', async () => {
      assert.deepEqual((await bed().berthJson('cluster list')) as readonly Cluster[], []);
    });
  });
}

function references({ operator }: Bed): Promise<string> {
  return operator.type(
    "kubectl get serviceaccounts --namespace leaving --output=jsonpath='{.items[*].imagePullSecrets[*].name}'",
  );
}
