import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offerOf } from './offer.ts';

function warningsFor(registry: string): readonly string[] {
  return offerOf({
    cluster: 'prod',
    settings: '{}',
    token: 'berth_connect_x',
    expiresAt: 0,
    registry,
    version: '0.0.0',
    certificates: { publicKeyPin: () => 'sha256//pin', authority: () => undefined },
  }).warnings;
}

test('whoever connects a cluster to a name that every machine takes for itself is warned', () => {
  for (const name of ['localhost:5000', 'berth.localhost', '127.0.0.1:5000', '[::1]:5000']) {
    assert.match(warningsFor(name).join(), /BERTH_URL=https/, name);
  }
  for (const name of [
    'registry.example.com',
    'localhost.example.com:5000',
    '192.0.2.7',
    '[fd00::1]:5000',
  ]) {
    assert.deepEqual(warningsFor(name), [], name);
  }
});
