import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Changes, createLedger } from './state.ts';

const image: Changes = new Map([
  ['manifest a 1', '9'],
  ['tag a x', '1'],
]);
const all = new Map([...image].map(([key, value]) => [key, value ?? '']));

test('the ledger says what was lost, changed, came back or was never pushed', () => {
  const ledger = createLedger();
  ledger.begin(1, image);
  ledger.acknowledge(1);
  assert.deepEqual(ledger.settle(all), []);
  assert.deepEqual(ledger.settle(new Map([['manifest a 1', '9']])), ['lost: tag a x']);
  assert.deepEqual(ledger.settle(new Map([...all, ['tag a x', '2']])), ['tag a x is 2, not 1']);
  ledger.begin(1, new Map([['tag a x', undefined]]));
  ledger.acknowledge(1);
  assert.deepEqual(ledger.settle(all), ['came back: tag a x']);
  assert.deepEqual(
    ledger.settle(
      new Map([
        ['manifest a 1', '9'],
        ['tag a y', '1'],
      ]),
    ),
    ['never pushed: tag a y'],
  );
});

test('the ledger takes what nobody was answered for whole or not at all, once', () => {
  for (const observed of [new Map<string, string>(), all]) {
    const ledger = createLedger();
    ledger.begin(1, image);
    assert.deepEqual(ledger.settle(observed), []);
    assert.deepEqual(ledger.settle(observed), []);
    assert.notDeepEqual(ledger.settle(observed === all ? new Map() : all), []);
  }
  const ledger = createLedger();
  ledger.begin(1, image);
  const [half] = ledger.settle(new Map([['tag a x', '1']]));
  assert.match(half ?? '', /^half of an operation is there/);
});
