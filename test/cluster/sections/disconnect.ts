import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import type { Cluster } from '#contract/clusters.ts';
import type { Host } from '#test/hosts.ts';
import { waitFor } from '#test/processes.ts';
import { type Bed, clusterName, privateProject } from '../bed.ts';
import { haveConnected } from '../preparation.ts';

const kinds = [
  ...['namespaces', 'serviceaccounts', 'secrets', 'configmaps', 'services', 'resourcequotas'],
  ...['deployments', 'daemonsets', 'pods', 'leases', 'roles', 'rolebindings'],
  ...['clusterroles', 'clusterrolebindings', 'mutatingwebhookconfigurations'],
  ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
].join(',');

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
      const { operator } = bed();
      const ours = `kubectl get ${kinds} --all-namespaces --no-headers --output=custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name | grep berth || true`;
      await waitFor(() => operator.type(ours), {
        what: 'the last objects to be gone',
        until: (left) => left === '',
      });
      assert.equal(await references(bed()), '');
    });

    test('no file is left on a node', async () => {
      for (const { host } of bed().cluster.nodes) {
        await waitFor(() => filesOfBerth(host), {
          what: `the last files on ${host.name} to be gone`,
          until: (left) => left.length === 0,
        });
      }
    });

    test('Berth knows the cluster no more', async () => {
      assert.deepEqual((await bed().berthJson('cluster list')) as readonly Cluster[], []);
    });
  });
}

/** Those that the host does not share with the machine that it stands on. */
async function filesOfBerth(host: Host): Promise<readonly string[]> {
  const found = await host.shell("find /etc /var/lib /opt -xdev -iname '*berth*'");
  return found.split('\n').filter((path) => path !== '' && !existsSync(path));
}

function references({ operator }: Bed): Promise<string> {
  return operator.type(
    "kubectl get serviceaccounts --namespace leaving --output=jsonpath='{.items[*].imagePullSecrets[*].name}'",
  );
}
