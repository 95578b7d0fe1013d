import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterGrant } from '#contract/clusters.ts';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import { waitFor } from '#test/processes.ts';
import { clusterName } from '../bed.ts';
import { generationOf, type Scene } from './scene.ts';

export function placingTests(scene: () => Scene): void {
  test('a granted namespace pulls a private image, and no other namespace does', async () => {
    const { kubectl, grant, namespace, secretOf, untilRight, untilPhase, image } = scene();
    await kubectl('create namespace granted');
    await kubectl('create namespace stranger');
    await grant('--namespace granted');
    await untilRight('granted');
    await kubectl(`--namespace granted run app --image=${image}`);
    await kubectl(`--namespace stranger run app --image=${image}`);
    await untilPhase('granted', 'app', 'Running');
    await waitFor(() => kubectl('--namespace stranger describe pod app'), {
      what: 'the sentence of a refusal',
      until: (text) => /pull access denied|authorization failed/.test(text),
      limit: 60_000,
    });
    assert.equal(await secretOf('stranger'), undefined);
    assert.equal((await namespace('granted'))?.credentials?.state, 'ready');
  });

  test('a ServiceAccount that comes later gets its reference, beside those that it has', async () => {
    const { referencesOf, bed } = scene();
    await bed.cluster.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'late', namespace: 'granted' },
      imagePullSecrets: [{ name: 'theirs' }],
    });
    await waitFor(() => referencesOf('granted', 'late'), {
      what: 'the reference',
      until: (names) => names.length === 2,
    });
    assert.deepEqual(await referencesOf('granted', 'late'), ['theirs', pullSecretName]);
  });

  test('a Secret that somebody edits, empties, fixes or deletes heals, in place where it can', async () => {
    const { kubectl, secretOf, untilRight } = scene();
    const before = await secretOf('granted');
    const patch = (change: string) =>
      kubectl(`--namespace granted patch secret ${pullSecretName} --patch '${change}'`);
    await patch('{"data":{".dockerconfigjson":"e30="}}');
    await untilRight('granted');
    await patch('{"data":{".dockerconfigjson":null,"other":"eA=="}}').catch(() => undefined);
    await kubectl(
      `--namespace granted label secret ${pullSecretName} app.kubernetes.io/managed-by=me --overwrite`,
    );
    await waitFor(() => secretOf('granted'), {
      what: 'its label',
      until: (secret) => secret?.metadata.labels?.['app.kubernetes.io/managed-by'] === 'berth',
    });
    assert.equal((await secretOf('granted'))?.metadata.uid, before?.metadata.uid);
    await patch('{"immutable":true,"data":{".dockerconfigjson":"e30="}}');
    await untilRight('granted');
    assert.notEqual((await secretOf('granted'))?.immutable, true);
    await kubectl(`--namespace granted delete secret ${pullSecretName}`);
    await untilRight('granted');
    await kubectl(
      `--namespace granted patch serviceaccount default --patch '{"imagePullSecrets":[]}'`,
    );
    await untilRight('granted');
  });

  test('rotation replaces what the Secret holds while pods go on pulling', async () => {
    const { kubectl, berth, secretOf, untilPhase, image } = scene();
    const before = await secretOf('granted');
    const pods = Array.from({ length: 6 }, (_, index) => `rotating-${index}`);
    for (const pod of pods) {
      await kubectl(`--namespace granted run ${pod} --image=${image} --image-pull-policy=Always`);
      await berth(`rotate ${clusterName} --namespace granted`);
    }
    for (const pod of pods) await untilPhase('granted', pod, 'Running');
    const now = await waitFor(() => secretOf('granted'), {
      what: 'the last generation',
      until: (secret) => generationOf(secret) >= generationOf(before) + pods.length,
    });
    assert.equal(now?.metadata.uid, before?.metadata.uid);
    assert.notDeepEqual(now?.data, before?.data);
    await kubectl(`--namespace granted delete pod ${pods.join(' ')} --now`);
  });

  test('a grant that is taken back takes the Secret and the references along, and no others', async () => {
    const { berth, namespace, secretOf, referencesOf, bed } = scene();
    const grants = (await bed.berthJson(
      `cluster grants ${clusterName}`,
    )) as readonly ClusterGrant[];
    const [own] = grants.filter(
      ({ selector }) => selector.kind === 'name' && selector.name === 'granted',
    );
    await berth(`revoke ${clusterName} ${own?.id}`);
    await waitFor(() => secretOf('granted'), {
      what: 'the Secret to go',
      until: (secret) => secret === undefined,
    });
    await waitFor(() => referencesOf('granted', 'late'), {
      what: 'the reference to go',
      until: (names) => names.length === 1,
    });
    assert.deepEqual(await referencesOf('granted', 'late'), ['theirs']);
    assert.equal((await namespace('granted'))?.credentials, undefined);
  });
}
