import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import type { Bed } from '../bed.ts';

export function trustSection(bed: () => Bed): void {
  describe('trust on the nodes', () => {
    test('a node joins while the cluster runs', async () => {
      const { cluster, operator, version } = bed();
      await cluster.addNode({ name: 'node-3', number: 13, containerd: version });
      await waitFor(() => operator.type('kubectl get nodes'), {
        what: 'the node to be Ready',
        until: (said) => /^node-3 +Ready /m.test(said),
      });
    });
  });
}
