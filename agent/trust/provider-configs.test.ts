import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import { createProviderConfigs } from './provider-configs.ts';

const asking = (existing: string, sum = '123-45') =>
  ({
    provider_state: 'merge',
    provider_sum: sum,
    provider_existing: Buffer.from(existing).toString('base64'),
  }) as NodeStatus;
const others =
  'apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders: []\n';

test('what a node asks for is rendered once, with our entry', () => {
  const configs = createProviderConfigs();
  assert.equal(configs.learn(asking(others), 'reg.test:5000'), true);
  assert.match(configs.all.get('123-45') ?? '', /berth-credential-provider/);
  assert.equal(configs.learn(asking(others), 'reg.test:5000'), false);
});

test('what cannot be joined is told why, and a sum that is none is not asked for', () => {
  const configs = createProviderConfigs();
  assert.equal(configs.learn(asking('kind: Other'), 'reg.test:5000'), false);
  assert.match(configs.failure('123-45') ?? '', /kind is not/);
  assert.equal(configs.learn(asking(others, '../x'), 'reg.test:5000'), false);
  assert.equal(configs.all.size, 0);
});

test('they stay within what a ConfigMap holds', () => {
  const configs = createProviderConfigs();
  for (let sum = 0; sum < 100; sum += 1) configs.learn(asking(others, `${sum}-1`), 'reg.test:5000');
  assert.equal(configs.all.size, 16);
});
