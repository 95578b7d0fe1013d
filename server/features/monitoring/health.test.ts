import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Condition, createHealth, type HealthCheck } from './health.ts';

function start(...checks: (() => Promise<Condition>)[]) {
  let time = 0;
  const changes: [string, string][] = [];
  const health = createHealth({
    checks: checks.map(
      (check, index): HealthCheck => ({
        name: `part ${index}`,
        message: 'It does not answer: start it.',
        check,
      }),
    ),
    onChange: ({ name, condition }) => changes.push([name, condition.status]),
    now: () => time,
  });
  return {
    changes,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
    conditions: async () => (await health.examine()).map(({ condition }) => condition),
  };
}

const works: Condition = { status: 'works' };

describe('the health of the server', () => {
  test('is that of each part, in a sentence and without the error', async () => {
    const { conditions } = start(
      async () => works,
      () => Promise.reject(new Error('secret path')),
      async () => ({ status: 'degraded', message: 'It is full.' }),
    );
    assert.deepEqual(await conditions(), [
      works,
      { status: 'fails', message: 'It does not answer: start it.' },
      { status: 'degraded', message: 'It is full.' },
    ]);
  });

  test('is looked at once a second, whoever asks', async () => {
    let looks = 0;
    const { conditions, pass } = start(async () => {
      looks += 1;
      return works;
    });
    await Promise.all([conditions(), conditions(), conditions()]);
    pass(999);
    await conditions();
    assert.equal(looks, 1);
    pass(1);
    await conditions();
    assert.equal(looks, 2);
  });

  test('is told once when it changes, not at every look', async () => {
    let condition: Condition = works;
    const { conditions, changes, pass } = start(async () => condition);
    for (const next of ['works', 'fails', 'fails', 'works', 'works'] as const) {
      condition = next === 'works' ? works : { status: next, message: 'It fails.' };
      await conditions();
      pass(1_000);
    }
    assert.deepEqual(changes, [
      ['part 0', 'fails'],
      ['part 0', 'works'],
    ]);
  });

  test('gives up waiting for a part that hangs', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { conditions } = start(() => new Promise(() => {}));
    const answer = conditions();
    context.mock.timers.tick(5_000);
    assert.equal((await answer)[0]?.status, 'fails');
  });
});
