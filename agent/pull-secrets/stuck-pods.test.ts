import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerStatus, Pod } from '#kubernetes/api/index.ts';
import { judgePod, type PodFacts, viewPendingPod } from './stuck-pods.ts';

const registry = 'reg.test:5000';
const refused = 'pull access denied: server message: no: authorization failed';

function container(change: Partial<ContainerStatus> = {}): ContainerStatus {
  return {
    name: 'main',
    ready: false,
    image: 'reg.test:5000/team/app:1',
    imageID: '',
    restartCount: 0,
    state: { waiting: { reason: 'ErrImagePull', message: refused } },
    ...change,
  };
}

function pod({
  owner = 'ReplicaSet',
  pullSecrets = [] as readonly string[],
  containerStatuses = [container()],
  initContainerStatuses = [] as readonly ContainerStatus[],
}): Pod {
  return {
    metadata: {
      name: 'app-1',
      namespace: 'shop',
      uid: 'pod',
      creationTimestamp: '2026-01-01T00:00:10Z',
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: owner, name: 'app', uid: 'owner', controller: owner !== '' },
      ],
    },
    spec: {
      serviceAccountName: 'default',
      containers: [],
      imagePullSecrets: pullSecrets.map((name) => ({ name })),
    },
    status: { phase: 'Pending', containerStatuses, initContainerStatuses },
  };
}

function judge(given: Parameters<typeof pod>[0] = {}, facts: Partial<PodFacts> = {}) {
  return judgePod({
    pod: viewPendingPod(pod(given), registry),
    serviceAccount: {
      name: 'default',
      resourceVersion: '1',
      terminating: false,
      pullSecrets: ['theirs', 'berth-pull'],
    },
    hasSecret: true,
    firstEviction: undefined,
    ...facts,
  });
}

describe('a pod that was there before its credentials', () => {
  test('is evicted when something makes another in its place', () => {
    assert.equal(judge(), 'evict');
    assert.equal(judge({ pullSecrets: ['theirs'] }), 'evict');
    const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image "x"' };
    assert.equal(judge({ containerStatuses: [container({ state: { waiting } })] }), 'evict');
  });

  test('is evicted when it only prepared itself: that may be done again', () => {
    const prepared = container({ state: { terminated: { exitCode: 0 } }, image: 'other/init:1' });
    assert.equal(judge({ initContainerStatuses: [prepared] }), 'evict');
    const waiting = container({ state: { waiting: { reason: 'PodInitializing' } } });
    assert.equal(
      judge({ initContainerStatuses: [container()], containerStatuses: [waiting] }),
      'evict',
    );
  });

  test('is only told of when nothing makes another', () => {
    assert.equal(judge({ owner: '' }), 'tell-bare');
  });

  test('is never evicted twice for the same controller', () => {
    const made = Date.parse('2026-01-01T00:00:10Z');
    assert.equal(judge({}, { firstEviction: made + 500 }), 'evict');
    assert.equal(judge({}, { firstEviction: made - 500 }), 'tell-own-secrets');
  });

  test('is told when its template names pull secrets of its own', () => {
    assert.equal(judge({ pullSecrets: ['mine'] }), 'tell-own-secrets');
  });
});

describe('a pod is left alone', () => {
  const kept: readonly (readonly [string, Parameters<typeof pod>[0], Partial<PodFacts>?])[] = [
    ['that has the reference', { pullSecrets: ['berth-pull'] }],
    ['that a node made from a file', { owner: 'Node' }],
    ['of another registry', { containerStatuses: [container({ image: 'reg.test/team/app:1' })] }],
    ['that has run', { containerStatuses: [container({ restartCount: 1 })] }],
    [
      'of which a container runs',
      { containerStatuses: [container(), container({ state: { running: {} } })] },
    ],
    [
      'whose image is not there',
      {
        containerStatuses: [
          container({
            state: { waiting: { reason: 'ErrImagePull', message: 'x:1: not found' } },
          }),
        ],
      },
    ],
    ['before the Secret is there', {}, { hasSecret: false }],
    ['before its ServiceAccount has the reference', {}, { serviceAccount: undefined }],
  ];
  for (const [what, given, facts] of kept) {
    test(what, () => assert.equal(judge(given, facts), 'leave'));
  }
});
