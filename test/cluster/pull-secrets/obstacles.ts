import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pullSecretName } from '#kubernetes/manifests/names.ts';
import type { Scene } from './scene.ts';

export function obstacleTests(scene: () => Scene): void {
  test('a Secret of somebody else is left as it is, and the cure is a command', async () => {
    const {
      kubectl,
      grant,

      secretOf,
      referencesOf,
      untilRight,
      untilReady,
      problemOf,
      bed,
    } = scene();
    await kubectl('create namespace occupied');
    await kubectl(
      `--namespace occupied create secret generic ${pullSecretName} --from-literal=a=b`,
    );
    const theirs = await secretOf('occupied');
    await grant('--namespace occupied');
    const { cure } = await problemOf('occupied');
    const command = /kubectl .*$/.exec(cure)?.[0];
    assert.ok(command, cure);
    assert.deepEqual(await secretOf('occupied'), theirs);
    assert.deepEqual(await referencesOf('occupied'), []);
    await bed.operator.type(command);
    await untilRight('occupied');
    await untilReady('occupied');
  });

  test('a quota that leaves no room is told with its cure, and others do not wait for it', async () => {
    const { kubectl, grant, untilRight, problemOf } = scene();
    await kubectl('create namespace full');
    await kubectl('--namespace full create quota tight --hard=secrets=0');
    await grant('--namespace full');
    const { message, cure } = await problemOf('full');
    assert.match(message, /quota tight/);
    assert.match(cure, /edit resourcequota tight/);
    await kubectl('create namespace beside');
    await grant('--namespace beside');
    await untilRight('beside', 10_000);
    await kubectl(`--namespace full patch quota tight --patch '{"spec":{"hard":{"secrets":"9"}}}'`);
    await untilRight('full', 90_000);
  });

  test('a namespace of Kubernetes itself is covered by its name only, and kept out of', async () => {
    const { grant, secretOf, referencesOf, problemOf } = scene();
    await grant('--namespace kube-public');
    const { cure } = await problemOf('kube-public');
    assert.match(cure, /berth cluster grants/);
    assert.equal(await secretOf('kube-public'), undefined);
    assert.deepEqual(await referencesOf('kube-public'), []);
  });

  test('a right that is taken away is told, and its return is enough', async () => {
    const { kubectl, grant, untilRight, problemOf } = scene();
    await kubectl('get clusterrolebinding berth-agent-pull-secrets -o yaml > /tmp/binding.yaml');
    await kubectl('delete clusterrolebinding berth-agent-pull-secrets');
    await kubectl('create namespace rightless');
    await grant('--namespace rightless');
    const { message, cure } = await problemOf('rightless');
    assert.match(message, /lacks a right/);
    assert.match(cure, /berth cluster connect/);
    await kubectl('create --filename /tmp/binding.yaml');
    await untilRight('rightless', 120_000);
  });
}
