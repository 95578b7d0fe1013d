import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gauge, type MetricSnapshot } from '#server/telemetry/metrics.ts';
import { rememberedSource } from './remembered-source.ts';

function start(source: () => Promise<readonly MetricSnapshot[]>) {
  let time = 0;
  const failures: unknown[] = [];
  const ask = rememberedSource(source, {
    milliseconds: 10_000,
    now: () => time,
    reportFailure: (error) => failures.push(error),
  });
  return {
    failures,
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
    ask: async () => (await ask()).map(({ values }) => values[0]?.value),
  };
}

describe('what is costly to tell', () => {
  test('is asked once for all who scrape at about the same time', async () => {
    let asked = 0;
    const { ask, pass } = start(async () => {
      asked += 1;
      return [gauge('some', 'A number.', asked)];
    });
    assert.deepEqual(await Promise.all([ask(), ask()]), [[1], [1]]);
    pass(9_999);
    assert.deepEqual(await ask(), [1]);
    pass(1);
    assert.deepEqual(await ask(), [2]);
  });

  test('is left out when it fails, and asked again later', async () => {
    let failing = true;
    const { ask, pass, failures } = start(async () => {
      if (failing) throw new Error('away');
      return [gauge('some', 'A number.', 1)];
    });
    assert.deepEqual(await ask(), []);
    assert.equal(failures.length, 1);
    failing = false;
    pass(10_000);
    assert.deepEqual(await ask(), [1]);
  });

  test('is left out when it takes too long, so that the rest is told', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { ask } = start(() => new Promise(() => {}));
    const answer = ask();
    context.mock.timers.tick(3_000);
    assert.deepEqual(await answer, []);
  });
});
