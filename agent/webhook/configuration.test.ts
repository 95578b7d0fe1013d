import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namespaceSelectors } from './configuration.ts';

const spared = {
  key: 'kubernetes.io/metadata.name',
  operator: 'NotIn',
  values: ['kube-system', 'kube-public', 'kube-node-lease', 'berth'],
};

test('the API server asks about the namespaces of the selectors, never about reserved ones', () => {
  const labels = { team: 'shop' };
  assert.deepEqual(
    namespaceSelectors([
      { kind: 'name', name: 'b' },
      { kind: 'labels', labels },
      { kind: 'name', name: 'a' },
      { kind: 'labels', labels: {} },
    ]),
    [
      {
        matchExpressions: [{ ...spared, operator: 'In', values: ['a', 'b'] }, spared],
      },
      { matchLabels: labels, matchExpressions: [spared] },
    ],
  );
});

test('one selector for all makes the others needless', () => {
  assert.deepEqual(namespaceSelectors([{ kind: 'name', name: 'a' }, { kind: 'all' }]), [
    { matchExpressions: [spared] },
  ]);
  assert.deepEqual(namespaceSelectors([]), []);
});
