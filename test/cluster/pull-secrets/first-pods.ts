import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitFor } from '#test/processes.ts';
import type { Scene } from './scene.ts';

export function firstPodTests(scene: () => Scene): void {
  test('a Deployment that was there before its grant recovers by itself; a bare pod is told', async () => {
    const { kubectl, grant, image, bed } = scene();
    await kubectl('create namespace early');
    await kubectl(`--namespace early create deployment web --image=${image} --replicas=2`);
    await kubectl(`--namespace early run bare --image=${image}`);
    for (const selection of ['--selector=app=web', '--selector=run=bare']) {
      await waitFor(() => kubectl(`--namespace early get pods ${selection} --no-headers`), {
        what: 'pods that cannot pull',
        until: (text) => /ErrImagePull|ImagePullBackOff/.test(text),
        limit: 60_000,
      });
    }
    const began = performance.now();
    await grant('--namespace early');
    await kubectl('--namespace early rollout status deployment web --timeout=60s');
    const value = performance.now() - began;
    bed.record({ what: 'grant to the pods of a Deployment that was first', value, unit: 'ms' });
    await waitFor(() => kubectl('--namespace early get events'), {
      what: 'events that say why',
      until: (text) => /PullSecretAdded/.test(text) && /PullSecretMissing +pod\/bare/.test(text),
      limit: 30_000,
    });
    assert.match(await kubectl('--namespace early get pod bare'), /ImagePull/);
    await kubectl('delete namespace early --wait=false');
  });

  test('a namespace that is created with its Deployment runs it soon', async () => {
    const { kubectl, grant, image, bed } = scene();
    await grant('--selector arrives=together');
    const began = performance.now();
    await bed.cluster.apply(
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'together', labels: { arrives: 'together' } },
      },
      deployment('together', image),
    );
    await kubectl('--namespace together rollout status deployment web --timeout=60s');
    const value = performance.now() - began;
    bed.record({ what: 'namespace and Deployment at once, to its pods', value, unit: 'ms' });
    await kubectl('delete namespace together --wait=false');
  });
}

function deployment(namespace: string, image: string): object {
  const labels = { app: 'web' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  };
}
