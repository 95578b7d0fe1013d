import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isByMaker } from './image-makers.ts';
import { nodeDaemonSets } from './node-daemon-sets.ts';
import { planNodeImages } from './node-images.ts';

interface NodeText {
  readonly name: string;
  readonly osImage?: string;
  readonly images: readonly string[];
}

function node({ name, osImage = 'Debian 12', images }: NodeText) {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      nodeInfo: { osImage, operatingSystem: 'linux', kubeletVersion: 'v1.36.3' },
      images: images.map((image) => ({ names: [image], sizeBytes: image.length })),
    },
  };
}

/** What whoever may run a pod can have nodes hold. */
const anybodys = [
  'evil.test/pause:3.10',
  'evil.test/registry.k8s.io/pause:3.10',
  'registry.k8s.io.evil.test/pause:3.10',
  'registryxk8s.io/pause:3.10',
  'docker.io/evil/pause:3.10',
  'evil/mirrored-pause:3.6',
  'docker.io/evil/rancher/pause:3',
  'docker.io/rancherr/pause:3',
  'gcr.io/evil/pause:3',
  'quay.io/evil/pause:3',
  'ghcr.io/evil/flannel:1',
  '123456789012.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3.10',
  '602401143452.dkr.ecr.eu-west-1.amazonaws.com.evil.test/eks/pause:3.10',
  'localhost:5000/kubernetes/pause:3',
  'localhost/pause:3',
  'pause:3.10',
];

describe('an image that anybody may have brought to a node', () => {
  for (const image of anybodys) {
    test(`is run by no pod that is root there: ${image}`, () => {
      assert.equal(isByMaker(image), false);
      const own = 'registry.k8s.io/pause:3.10';
      const nodes = ['a', 'b', 'c'].map((name) => node({ name, images: [image] }));
      const alone = planNodeImages(nodes);
      assert.deepEqual(alone.images, []);
      assert.deepEqual(alone.without, ['a', 'b', 'c']);
      const beside = planNodeImages([...nodes, node({ name: 'd', images: [image, own] })]);
      assert.deepEqual(beside.images, [{ image: own, shell: 'host', hosts: undefined }]);
    });
  }

  test('gives no shell to systems that have none', () => {
    const images = ['evil.test/busybox:1', 'docker.io/evil/alpine:3'];
    const plan = planNodeImages([node({ name: 'a', osImage: 'Talos (v1.9.0)', images })]);
    assert.deepEqual([plan.images, plan.without], [[], ['a']]);
  });

  test('is not what a node gets whose own image of sandboxes is not in its list', () => {
    const plan = planNodeImages([node({ name: 'a', images: ['evil.test/tiny:1'] })]);
    assert.deepEqual(plan.images, []);
  });

  test('is named to whoever may say that it is theirs', () => {
    const images = ['mirror.test/kubernetes/pause:3.10', 'mirror.test/app:1'];
    const nodes = [node({ name: 'a', images })];
    assert.equal(planNodeImages(nodes).passedOver, images[0]);
    assert.equal(
      planNodeImages([node({ name: 'a', images: ['x.test/app:1'] })]).passedOver,
      undefined,
    );
  });
});

describe('an image that was chosen', () => {
  const image = 'mirror.test/kubernetes/pause:3.10';

  test("runs with the shells of nodes where it is one of sandboxes, for each kind of node's folders", () => {
    const nodes = [
      node({ name: 'a', images: [] }),
      node({ name: 'b', images: [] }),
      node({ name: 'alpine', osImage: 'Alpine Linux v3.22', images: [] }),
    ];
    const plan = planNodeImages(nodes, image);
    assert.deepEqual(plan.images, [
      { image, shell: 'host', hosts: undefined },
      { image, shell: 'host-without-lib64', hosts: ['alpine'] },
    ]);
    assert.equal(nodeDaemonSets(plan.images).length, 2);
  });

  test('serves no system without a shell where it holds none itself', () => {
    const nodes = [node({ name: 'talos', osImage: 'Talos (v1.9.0)', images: [] })];
    assert.deepEqual(planNodeImages(nodes, image).images, []);
    assert.deepEqual(planNodeImages(nodes, image).without, ['talos']);
  });

  test('holds a shell itself where it is any other', () => {
    const shell = 'mirror.test/busybox:1';
    const nodes = [node({ name: 'a', images: [] })];
    for (const known of [nodes, undefined]) {
      assert.deepEqual(planNodeImages(known, shell).images, [
        { image: shell, shell: 'image', hosts: undefined },
      ]);
    }
    assert.deepEqual(planNodeImages(undefined, image).images, [
      { image, shell: 'host', hosts: undefined },
    ]);
  });
});
