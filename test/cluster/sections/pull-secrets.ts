import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import type { Bed } from '../bed.ts';

export function pullSecretsSection(bed: () => Bed): void {
  describe('pull secrets', () => {
    test('namespaces that come ten at a time have their ServiceAccounts soon', async () => {
      const { cluster, record } = bed();
      const names = Array.from({ length: 10 }, (_, index) => `arriving-${index}`);
      const started = performance.now();
      await cluster.apply(
        ...names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
      );
      await waitFor(
        () => cluster.kubectl('get', 'serviceaccounts', '--all-namespaces', '--no-headers'),
        {
          what: 'their ServiceAccounts',
          until: (said) => said.match(/^arriving-\d+ +default /gm)?.length === names.length,
        },
      );
      const value = performance.now() - started;
      record({ what: 'ten namespaces to their ServiceAccounts', value, unit: 'ms' });
      await cluster.kubectl('delete', 'namespace', ...names);
    });
  });
}
