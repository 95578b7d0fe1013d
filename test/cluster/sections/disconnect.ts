import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Bed } from '../bed.ts';

const kinds =
  'namespaces,serviceaccounts,secrets,configmaps,deployments,daemonsets,leases,roles,rolebindings,clusterroles,clusterrolebindings,mutatingwebhookconfigurations';

export function disconnectSection(bed: () => Bed): void {
  describe('disconnecting the cluster', () => {
    test('no object of ours is left', async () => {
      const left = await bed().operator.type(
        `kubectl get ${kinds} --all-namespaces --selector app.kubernetes.io/managed-by=berth --output=name`,
      );
      assert.equal(left, '');
    });
  });
}
