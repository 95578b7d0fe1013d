import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMachineSecret, hmacOfMachineSecret, isMachineSecret } from './machine-secrets.ts';

test('a machine secret is recognised by its prefix and checksum', () => {
  for (let count = 0; count < 200; count += 1) {
    const secret = createMachineSecret('berth_robot_');
    assert.match(secret, /^berth_robot_[0-9A-Za-z]{49}$/);
    assert.ok(isMachineSecret('berth_robot_', secret));
    assert.ok(!isMachineSecret('berth_pat_', secret));
  }
});

test('any one character mistyped is noticed', () => {
  const secret = createMachineSecret('berth_pat_');
  for (let at = 'berth_pat_'.length; at < secret.length; at += 1) {
    const other = secret[at] === 'x' ? 'y' : 'x';
    const mistyped = secret.slice(0, at) + other + secret.slice(at + 1);
    assert.ok(!isMachineSecret('berth_pat_', mistyped), mistyped);
  }
  assert.ok(!isMachineSecret('berth_pat_', secret.slice(0, -1)));
  assert.ok(!isMachineSecret('berth_pat_', `${secret}0`));
});

test('what is stored depends on the key', () => {
  const secret = createMachineSecret('berth_pat_');
  const one = hmacOfMachineSecret(new Uint8Array(32), secret);
  assert.equal(one.length, 32);
  assert.notDeepEqual(one, hmacOfMachineSecret(new Uint8Array(32).fill(1), secret));
});
