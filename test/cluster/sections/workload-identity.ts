import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import { type Bed, publicProject, registry } from '../bed.ts';
import { kubeletFlags } from '../node.ts';

const folder = '/opt/berth-test';
const provider = `#!/bin/sh
cat >>/var/log/provider-asked.log
echo '{"apiVersion":"credentialprovider.kubelet.k8s.io/v1","kind":"CredentialProviderResponse","cacheKeyType":"Image","auth":null}'
`;

export function workloadIdentitySection(bed: () => Bed): void {
  describe('workload identity', () => {
    test("the kubelet asks a provider that kubeadm's file of flags names", async () => {
      const { cluster, operator } = bed();
      const image = await bed().push(`${publicProject}/asked:1`);
      const [node] = cluster.nodes;
      assert.ok(node);
      const { host } = node;
      const flags = await readFile(host.file(kubeletFlags), 'utf8');
      await host.write(`${folder}/bin/test-provider`, provider, 0o755);
      await host.write(`${folder}/providers.json`, configuration());
      await host.write(
        kubeletFlags,
        flags.replace(
          /"$/m,
          ` --image-credential-provider-config=${folder}/providers.json --image-credential-provider-bin-dir=${folder}/bin"`,
        ),
      );
      await node.restartKubelet();
      await operator.type(
        `kubectl run asking --image=${image} --overrides='{"spec":{"nodeName":"${node.name}"}}'`,
      );
      await waitFor(() => readFile(host.file('/var/log/provider-asked.log'), 'utf8'), {
        what: 'the provider to be asked',
        until: (asked) => asked.includes(`"image":"${image.slice(0, image.lastIndexOf(':'))}"`),
      });
      await operator.type('kubectl delete pod asking --now');
      await host.write(kubeletFlags, flags);
      await node.restartKubelet();
    });
  });
}

function configuration(): string {
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: 'test-provider',
        matchImages: [registry],
        defaultCacheDuration: '0s',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      },
    ],
  });
}
