import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { NodeStatus } from '#kubernetes/node/status.ts';
import { createProviderConfigs } from './provider-configs.ts';

const sumOf = (text: string) => createHash('sha256').update(text).digest('hex');
const asking = (existing: string, sum = sumOf(existing)) =>
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
  assert.match(configs.all.get(sumOf(others)) ?? '', /berth-credential-provider/);
  assert.equal(configs.learn(asking(others), 'reg.test:5000'), false);
});

test('what cannot be joined is told why, and no node answers for what another has', () => {
  const configs = createProviderConfigs();
  assert.equal(configs.learn(asking('kind: Other'), 'reg.test:5000'), false);
  assert.match(configs.failure(sumOf('kind: Other')) ?? '', /kind is not/);
  assert.equal(
    configs.learn(asking(others, sumOf('what another node has')), 'reg.test:5000'),
    false,
  );
  assert.equal(configs.all.size, 0);
});

test('they stay within what a ConfigMap holds', () => {
  const configs = createProviderConfigs();
  for (let sum = 0; sum < 100; sum += 1)
    configs.learn(asking(`${others}# ${sum}\n`), 'reg.test:5000');
  assert.equal(configs.all.size, 16);
});
