import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NodePod, noPod, obstacleOf } from './node-pods.ts';

const waiting: NodePod = {
  name: 'berth-node-x',
  uid: 'u',
  node: 'worker',
  revision: undefined,
  runningSince: undefined,
  terminating: false,
  reason: '',
  message: '',
};
const obstacle = (reason: string, message = '') =>
  obstacleOf({ ...waiting, reason, message }, 'k8s.io/pause:3', 'prod');

test('a pod that runs, or that has only begun, has no obstacle', () => {
  assert.equal(obstacle(''), undefined);
  assert.equal(obstacle('ContainerCreating'), undefined);
  const running = { ...waiting, runningSince: 'now', reason: 'CrashLoopBackOff' };
  assert.equal(obstacleOf(running, 'image', 'prod'), undefined);
});

test('an image that cannot be had, or that holds no shell, is cured by another one', () => {
  const pulled = obstacle('ImagePullBackOff', 'not found');
  assert.match(pulled?.problem.message ?? '', /worker.*k8s\.io\/pause:3/);
  const shell = obstacle('StartError', 'exec: "/bin/sh": stat /bin/sh: no such file or directory');
  for (const found of [pulled, shell]) {
    assert.equal(found?.ofImage, true);
    assert.match(found?.problem.cure ?? '', /berth cluster set prod --node-image/);
  }
});

test('what else keeps it from running is told in its own words', () => {
  const found = obstacle('CreateContainerConfigError', 'container has runAsNonRoot');
  assert.equal(found?.ofImage, false);
  assert.match(found?.problem.message ?? '', /runAsNonRoot/);
  assert.match(found?.problem.cure ?? '', /kubectl describe pod berth-node-x/);
});

test('a node without a pod is explained by what is known', () => {
  const explained = (hasImage: boolean, passedOver?: string) =>
    noPod('worker', 'prod', { hasImage, passedOver });
  assert.match(explained(true).cure, /kubectl describe daemonset/);
  assert.match(explained(false).cure, /--node-image IMAGE$/);
  const mirrored = explained(false, 'mirror.test/pause:3.10');
  assert.match(mirrored.message, /anybody may have brought/);
  assert.match(mirrored.cure, /--node-image mirror.test\/pause:3.10$/);
});
