import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reservedNamespaces, selects } from './namespace-selection.ts';

const all = { kind: 'all' } as const;

test('all means every namespace but those of Kubernetes and of the agent, unless one is named', () => {
  assert.ok(selects(all, { name: 'shop', labels: {} }));
  for (const name of reservedNamespaces) {
    const labels = { team: 'shop' };
    assert.ok(!selects(all, { name, labels }));
    assert.ok(!selects({ kind: 'labels', labels }, { name, labels }));
    assert.ok(selects({ kind: 'name', name }, { name, labels }));
  }
});

test('labels must all be there with their values, and no labels select nothing', () => {
  const namespace = { name: 'shop', labels: { team: 'shop', tier: 'web' } };
  assert.ok(selects({ kind: 'labels', labels: { team: 'shop' } }, namespace));
  assert.ok(selects({ kind: 'labels', labels: { team: 'shop', tier: 'web' } }, namespace));
  assert.ok(!selects({ kind: 'labels', labels: { team: 'shop', tier: 'data' } }, namespace));
  assert.ok(!selects({ kind: 'labels', labels: { toString: '' } }, namespace));
  assert.ok(!selects({ kind: 'labels', labels: {} }, namespace));
});

test('a name selects one namespace', () => {
  assert.ok(!selects({ kind: 'name', name: 'shop' }, { name: 'shop-2', labels: {} }));
});
