import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { doomedOf, type ManifestNode } from './manifests.ts';

const digest = (id: number) => `sha256:${String(id).padStart(64, '0')}`;
const old = 0;
const before = 100;
const young = 100;

function node(id: number, more: Partial<ManifestNode> = {}): ManifestNode {
  return {
    id,
    digest: digest(id),
    subject: undefined,
    heldAt: old,
    orphanedAt: undefined,
    ...more,
  };
}

interface Graph {
  readonly manifests: readonly ManifestNode[];
  /** Name, manifest. */
  readonly tags?: readonly (readonly [string, number])[];
  /** Index, child. */
  readonly children?: readonly (readonly [number, number])[];
}

function doomed({ manifests, tags = [], children = [] }: Graph, deleteUntagged: boolean): number[] {
  return doomedOf(
    {
      manifests,
      tags: tags.map(([name, manifestId]) => ({ name, manifestId })),
      children: children.map(([manifestId, child]) => ({ manifestId, digest: digest(child) })),
    },
    { before, deleteUntagged },
  );
}

describe('the manifests that nobody needs', () => {
  test('are the untagged ones, where a policy says so', () => {
    const graph: Graph = { manifests: [node(1), node(2)], tags: [['1.0', 1]] };
    assert.deepEqual(doomed(graph, true), [2]);
    assert.deepEqual(doomed(graph, false), []);
  });

  test('are none that are young', () => {
    assert.deepEqual(doomed({ manifests: [node(1, { heldAt: young })] }, true), []);
    const orphan = node(1, { orphanedAt: young });
    assert.deepEqual(doomed({ manifests: [orphan] }, false), []);
  });

  test('are none that a tagged index, a subject that stays or its signing tag keeps', () => {
    const graph: Graph = {
      manifests: [node(1), node(2), node(3, { subject: digest(2) }), node(4)],
      tags: [
        ['1.0', 1],
        [`sha256-${digest(3).slice(7)}.sig`, 4],
      ],
      children: [[1, 2]],
    };
    assert.deepEqual(doomed(graph, true), []);
  });

  test('go with what they belong to, and behind it', () => {
    const graph: Graph = {
      manifests: [
        node(5, { subject: digest(2) }),
        node(4),
        node(2),
        node(1, { orphanedAt: old }),
        node(6, { subject: digest(5) }),
      ],
      tags: [[`sha256-${digest(1).slice(7)}.att`, 4]],
      children: [[1, 2]],
    };
    const order = doomed(graph, false);
    assert.deepEqual(order.toSorted(), [1, 2, 4, 5, 6]);
    for (const [owner, belonging] of [
      [1, 2],
      [1, 4],
      [2, 5],
      [5, 6],
    ] as const) {
      assert(order.indexOf(owner) < order.indexOf(belonging), `${owner} before ${belonging}`);
    }
  });

  test('are no orphans that another index or a tag of people keeps', () => {
    const graph: Graph = {
      manifests: [node(1), node(2, { orphanedAt: old }), node(3, { orphanedAt: old })],
      tags: [['latest', 3]],
      children: [[1, 2]],
    };
    assert.deepEqual(doomed(graph, false), []);
  });

  test('are signatures whose subject was deleted, and none whose subject never came', () => {
    const signature = `sha256-${digest(9).slice(7)}.sig`;
    const orphan: Graph = { manifests: [node(1, { orphanedAt: old })], tags: [[signature, 1]] };
    assert.deepEqual(doomed(orphan, false), [1]);
    const early: Graph = { manifests: [node(1)], tags: [[signature, 1]] };
    assert.deepEqual(doomed(early, true), []);
    const referrer: Graph = { manifests: [node(1, { subject: digest(9) })] };
    assert.deepEqual(doomed(referrer, false), []);
  });

  test('are found in graphs that belong to each other in a circle, without an end', () => {
    const graph: Graph = {
      manifests: [node(1), node(2)],
      tags: [
        [`sha256-${digest(2).slice(7)}.sig`, 1],
        [`sha256-${digest(1).slice(7)}.sig`, 2],
      ],
    };
    assert.deepEqual(doomed(graph, true).toSorted(), [1, 2]);
  });
});
