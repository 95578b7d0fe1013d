import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TooManyRequests } from '#server/http/status.ts';
import { createFailureLimits } from './failure-limits.ts';

const options = { windowSeconds: 60, perNameAndAddress: 2, perName: 4, perAddress: 6 };

async function countUntilRefused(
  limits: ReturnType<typeof createFailureLimits>,
  attempts: readonly (readonly [string, string])[],
): Promise<number> {
  for (const [count, [name, address]] of attempts.entries()) {
    try {
      await limits.count(name, address);
    } catch (error) {
      assert.ok(error instanceof TooManyRequests);
      assert.ok(error.retryAfterSeconds > 0 && error.retryAfterSeconds <= 60);
      return count;
    }
  }
  return attempts.length;
}

describe('failures to sign in', () => {
  test('are limited for a name from an address', async () => {
    const limits = createFailureLimits(options);
    assert.equal(await countUntilRefused(limits, new Array(5).fill(['a', '192.0.2.1'])), 2);
    assert.equal(
      await countUntilRefused(limits, [
        ['b', '192.0.2.1'],
        ['a', '192.0.2.2'],
      ]),
      2,
    );
  });

  test('are limited for a name from all addresses but those that it is used to', async () => {
    const limits = createFailureLimits(options);
    await limits.count('a', '192.0.2.200');
    await limits.forgive('a', '192.0.2.200');
    const spread = Array.from({ length: 9 }, (_, at) => ['a', `192.0.2.${at}`] as const);
    assert.equal(await countUntilRefused(limits, spread), 4);
    await limits.count('a', '192.0.2.200');
    await limits.count('b', '192.0.2.100');
  });

  test('are limited for an address whatever the names', async () => {
    const limits = createFailureLimits(options);
    const spray = Array.from({ length: 9 }, (_, at) => [`user${at}`, '192.0.2.1'] as const);
    assert.equal(await countUntilRefused(limits, spray), 6);
  });

  test('are limited for the whole network of an IPv6 address', async () => {
    const limits = createFailureLimits(options);
    const near = ['2001:db8::1', '2001:db8:0:0:9::1', '2001:0db8:0000:0::2'];
    assert.equal(
      await countUntilRefused(
        limits,
        near.map((address) => ['a', address] as const),
      ),
      2,
    );
    await limits.count('a', '2001:db8:0:1::1');
    const mapped = ['::ffff:192.0.2.1', '::ffff:192.0.2.2', '::ffff:192.0.2.3'];
    const attempts = mapped.map((address) => ['b', address] as const);
    assert.equal(await countUntilRefused(limits, attempts), 3);
  });

  test('are forgotten by a success', async () => {
    const limits = createFailureLimits(options);
    for (let count = 0; count < 20; count += 1) {
      await limits.count('a', '192.0.2.1');
      await limits.forgive('a', '192.0.2.1');
    }
  });

  test('are forgotten after a while', async (context) => {
    context.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 0 });
    const limits = createFailureLimits(options);
    const attempts = new Array(3).fill(['a', '192.0.2.1']);
    assert.equal(await countUntilRefused(limits, attempts), 2);
    context.mock.timers.tick(61_000);
    assert.equal(await countUntilRefused(limits, attempts), 2);
  });
});
