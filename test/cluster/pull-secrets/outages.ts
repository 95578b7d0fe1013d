import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import type { Scene } from './scene.ts';

/** Milliseconds from an end of an outage. */
const target = 5_000;

export function outageTests(scene: () => Scene): void {
  test('an API server that restarts, and watches that are cut with it, lose nothing', async () => {
    const { kubectl, grant, secretOf, untilRight, bed } = scene();
    const kept = await secretOf('occupied');
    await kubectl('create namespace before-restart');
    await grant('--selector arrives=restart');
    await bed.cluster.restartApiServer();
    const began = performance.now();
    await kubectl('label namespace before-restart arrives=restart');
    await kubectl('create namespace after-restart');
    await kubectl('label namespace after-restart arrives=restart');
    await untilRight('before-restart');
    await untilRight('after-restart');
    const value = performance.now() - began;
    const what = 'an API server that is back, to all that is right';
    bed.record({ what, value, unit: 'ms', target });
    assert.ok(value < target * 10);
    assert.equal(
      (await secretOf('occupied'))?.metadata.resourceVersion,
      kept?.metadata.resourceVersion,
    );
  });

  test('an agent that is killed finds what changed meanwhile, and issues nothing needlessly', async () => {
    const { kubectl, secretOf, untilRight, bed } = scene();
    const kept = await secretOf('beside');
    const pod = await kubectl(
      '--namespace berth get pods --selector app.kubernetes.io/name=berth-agent --output name',
    );
    await kubectl(`--namespace berth delete ${pod.trim()} --now --wait=false`);
    await kubectl('create namespace while-away');
    await kubectl('label namespace while-away arrives=restart');
    await kubectl(`--namespace full delete secret ${pullSecretName}`);
    const began = performance.now();
    await untilRight('while-away');
    await untilRight('full');
    const value = performance.now() - began;
    bed.record({ what: 'an agent that is killed, to all that is right', value, unit: 'ms' });
    await pause(2_000);
    assert.equal(
      (await secretOf('beside'))?.metadata.resourceVersion,
      kept?.metadata.resourceVersion,
    );
  });
}
