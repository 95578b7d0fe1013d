import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Node } from './api/objects.ts';
import { createNodeKeeper } from './kept-nodes.ts';
import { planNodeImages } from './manifests/node-images.ts';
import { distributionOf } from './node/distribution.ts';
import { largeNodes } from './testing/large-cluster.ts';

describe('what is kept of nodes', () => {
  test('is enough for every choice, a fraction of them, and in common where it is equal', () => {
    const nodes = JSON.parse(JSON.stringify(largeNodes(60)));
    const keep = createNodeKeeper();
    const kept = nodes.flatMap((node: unknown) => keep(node) ?? []) as Node[];
    assert.equal(kept.length, 60);
    assert.deepEqual(planNodeImages(kept), planNodeImages(nodes));
    assert.ok(JSON.stringify(kept).length < JSON.stringify(nodes).length / 1.4);
    const [one, other] = kept;
    assert.equal(one?.status?.nodeInfo, other?.status?.nodeInfo);
    const images = new Set(kept.flatMap(({ status }) => status?.images ?? []));
    assert.ok(images.size <= 401, `${images.size} images`);
  });

  test('has the labels that tell the distribution', () => {
    const labels = { 'node.openshift.io/os_id': 'rhcos', other: 'x' };
    const node = createNodeKeeper()({ metadata: { name: 'a', labels } });
    assert.ok(node);
    assert.equal(distributionOf(node), 'openshift');
    assert.deepEqual(node.metadata.labels, { 'node.openshift.io/os_id': 'rhcos' });
  });

  test('stays small whatever images nodes tell of; those that may be chosen are kept', () => {
    const keep = createNodeKeeper();
    const own = Array.from({ length: 49 }, (_, index) => ({
      names: [`r.test/${'x'.repeat(400)}@sha256:${index}`, `r.test/${'x'.repeat(400)}:${index}`],
      sizeBytes: index,
    }));
    const proxy = { names: ['registry.k8s.io/kube-proxy:v1.36.3'], sizeBytes: 7 };
    const sandbox = { names: ['r.test/pause:3.10'], sizeBytes: 8 };
    const images = [...own, proxy, sandbox];
    const node = keep({ metadata: { name: 'a' }, status: { images } });
    assert.deepEqual(node?.status?.images, [proxy, sandbox]);
  });

  test('is never what crashes, whatever is said to be a node', () => {
    const keep = createNodeKeeper();
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
        keep(value);
        keep({ metadata: value, status: other });
        const metadata = { name: 'a', labels: value };
        const status = {
          addresses: [value],
          nodeInfo: other,
          images: [value],
          conditions: [other],
        };
        const node = keep({ metadata, status });
        assert.ok(planNodeImages([node]));
      }),
      { seed: 1 },
    );
  });
});
