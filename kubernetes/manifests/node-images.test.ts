import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mostDaemonSets } from './names.ts';
import { nodeDaemonSets } from './node-daemon-sets.ts';
import { planNodeImages } from './node-images.ts';

interface NodeText {
  readonly name: string;
  readonly osImage?: string;
  readonly images?: readonly (string | readonly string[])[];
  readonly os?: string;
  readonly kubelet?: string;
}

function node({ name, osImage = 'Debian 12', images = [], os = 'linux', kubelet }: NodeText) {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      nodeInfo: { osImage, operatingSystem: os, kubeletVersion: kubelet ?? 'v1.36.3' },
      images: images.map((names, index) => ({
        names: typeof names === 'string' ? [names] : names,
        sizeBytes: 1_000 * (index + 1),
      })),
    },
  };
}

const pauses = [
  'registry.k8s.io/pause:3.10',
  'rancher/mirrored-pause:3.6',
  'k8s.gcr.io/pause-amd64:3.1',
  'localhost/kubernetes/pause@sha256:0123',
  '602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.10',
  'mcr.microsoft.com/oss/v2/kubernetes/pause:3.10',
  'gke.gcr.io/pause:3.8@sha256:0123',
];

describe('the image of the pods on nodes', () => {
  for (const image of pauses) {
    test(`is that of the sandboxes: ${image}`, () => {
      const plan = planNodeImages({ items: [node({ name: 'a', images: ['big:1', image] })] });
      assert.deepEqual(plan.images, [{ image, shell: 'host', hosts: undefined }]);
      assert.deepEqual(plan.without, []);
    });
  }

  test('is named by tag where it has one', () => {
    const names = ['registry.k8s.io/pause@sha256:7c38', 'registry.k8s.io/pause:3.10'];
    const plan = planNodeImages([node({ name: 'a', images: [names] })]);
    assert.equal(plan.images[0]?.image, 'registry.k8s.io/pause:3.10');
  });

  test('is one that most nodes have; others get what they have, and no node gets two', () => {
    const plan = planNodeImages([
      node({ name: 'new-1', images: ['registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.9'] }),
      node({ name: 'new-2', images: ['registry.k8s.io/pause:3.10'] }),
      node({ name: 'old', images: ['registry.k8s.io/pause:3.1'] }),
    ]);
    assert.deepEqual(plan.images, [
      { image: 'registry.k8s.io/pause:3.10', shell: 'host', hosts: undefined },
      { image: 'registry.k8s.io/pause:3.1', shell: 'host', hosts: ['old'] },
    ]);
  });

  test('comes with a shell for systems that have none', () => {
    const plan = planNodeImages([
      node({
        name: 'talos',
        osImage: 'Talos (v1.9.0)',
        images: ['registry.k8s.io/pause:3.10', 'docker.io/library/busybox:1.36'],
      }),
    ]);
    assert.deepEqual(plan.images, [
      { image: 'docker.io/library/busybox:1.36', shell: 'image', hosts: undefined },
    ]);
    const none = planNodeImages([node({ name: 'b', osImage: 'Bottlerocket OS 1.20' })]);
    assert.deepEqual(none.images, []);
    assert.deepEqual(none.without, ['b']);
  });

  test('leaves /lib64 out where a node has none, since a mount would make it there', () => {
    const images = ['registry.k8s.io/pause:3.10'];
    const arm = node({ name: 'arm', images });
    Object.assign(arm.status.nodeInfo, { architecture: 'arm64' });
    const alpine = node({ name: 'alpine', osImage: 'Alpine Linux v3.22', images });
    const k3d = node({ name: 'k3d', osImage: 'K3s v1.34.7+k3s1', images });
    const { images: chosen } = planNodeImages([
      arm,
      alpine,
      k3d,
      ...['a', 'b', 'c', 'd'].map((name) => node({ name, images })),
    ]);
    assert.deepEqual(chosen, [
      { image: 'registry.k8s.io/pause:3.10', shell: 'host', hosts: undefined },
      {
        image: 'registry.k8s.io/pause:3.10',
        shell: 'host-without-lib64',
        hosts: ['alpine', 'arm', 'k3d'],
      },
    ]);
    const [, without] = nodeDaemonSets(chosen);
    assert.doesNotMatch(JSON.stringify(without), /lib64/);
    assert.match(JSON.stringify(without), /"path":"\/usr"/);
  });

  test('covers nodes whose list of images is too long to hold it', () => {
    const busy = node({ name: 'busy', images: ['registry.k8s.io/large:1'] });
    const plan = planNodeImages([
      node({ name: 'a', images: ['registry.k8s.io/pause:3.10'] }),
      busy,
    ]);
    assert.deepEqual(plan.images.length, 1);
    assert.deepEqual(plan.without, []);
    const alone = planNodeImages([busy]);
    assert.deepEqual(alone.images, [
      { image: 'registry.k8s.io/large:1', shell: 'host', hosts: undefined },
    ]);
  });

  test('is chosen for Linux alone, and the oldest kubelet is told', () => {
    const plan = planNodeImages([
      node({
        name: 'w',
        os: 'windows',
        images: ['mcr.microsoft.com/pause:3.6'],
        kubelet: 'v1.20.0',
      }),
      node({ name: 'a', images: ['registry.k8s.io/pause:3.10'], kubelet: 'v1.31.2+k3s1' }),
      node({ name: 'b', images: ['registry.k8s.io/pause:3.10'], kubelet: 'v1.29.0-eks-1' }),
    ]);
    assert.deepEqual(plan.images, [
      { image: 'registry.k8s.io/pause:3.10', shell: 'host', hosts: undefined },
    ]);
    assert.equal(plan.oldestKubelet, 29);
  });

  test('is never what no reference can be, whatever the list holds', () => {
    const hostile = [
      'registry.k8s.io/pause:1\n  command: [x]',
      'registry.k8s.io/pause:1 }}',
      '{{ pause: }}',
      '-pause:1',
    ];
    const plan = planNodeImages([node({ name: 'a', images: hostile })]);
    assert.deepEqual(plan.images, []);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.ok(planNodeImages(value).images.length <= mostDaemonSets);
        assert.ok(planNodeImages({ items: [value, { metadata: value, status: value }] }));
      }),
    );
  });

  test('makes no more DaemonSets than the agent may keep', () => {
    const nodes = Array.from({ length: 40 }, (_, index) =>
      node({ name: `n${index}`, images: [`registry.k8s.io/pause:${index}`] }),
    );
    assert.ok(planNodeImages(nodes).images.length <= mostDaemonSets);
  });
});
