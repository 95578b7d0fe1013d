import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import type { Cluster } from '#contract/clusters.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName, privateProject } from '../bed.ts';
import { untilNoFileIsLeft, untilNoObjectIsLeft } from '../leftovers.ts';
import { kubeletFlags } from '../node.ts';
import { haveConnected } from '../preparation.ts';

const providerFlags = [
  '--image-credential-provider-config=/var/lib/berth-node/credential-provider/config.yaml',
  '--image-credential-provider-bin-dir=/var/lib/berth-node/credential-provider/bin',
];

export function disconnectSection(bed: () => Bed): void {
  describe('disconnecting the cluster', () => {
    let flagsBefore: string;

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

    test('takes credentials away, and waits for a kubelet that somebody told of the provider', async () => {
      const { clone, berthJson } = bed();
      const [node] = bed().cluster.nodes;
      assert.ok(node !== undefined);
      flagsBefore = await readFile(node.host.file(kubeletFlags), 'utf8');
      const named = flagsBefore.replace(/"$/m, ` ${providerFlags.join(' ')}"`);
      await node.host.write(kubeletFlags, named);
      await node.restartKubelet();
      const said = await clone.type(`./berth cluster disconnect ${clusterName} --yes`);
      assert.match(
        said,
        /credential provider:\n {2}The kubelet of node-1 names .*\n {4}→ Take --image/,
      );
      assert.match(said, / --leave-provider\n$/);
      assert.doesNotMatch(said, /node-2|What is left/);
      assert.equal(await references(bed()), '');
      const [cluster] = (await berthJson('cluster list')) as readonly Cluster[];
      assert.deepEqual(
        [cluster?.state, cluster?.disconnection?.waits_for.map(({ name }) => name)],
        ['disconnecting', ['node-1']],
      );
      await node.restartKubelet();
    });

    test('goes on with an agent that starts anew, and ends by itself once no kubelet names it', async () => {
      const { operator, berthJson } = bed();
      await operator.type(
        'kubectl delete pods --namespace berth --selector app.kubernetes.io/name=berth-agent',
      );
      const [node] = bed().cluster.nodes;
      await node?.host.write(kubeletFlags, flagsBefore);
      await node?.restartKubelet();
      await waitFor(() => berthJson('cluster list'), {
        what: 'the cluster to be forgotten',
        until: (clusters) => JSON.stringify(clusters) === '[]',
        limit: 180_000,
      });
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
