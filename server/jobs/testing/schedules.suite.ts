import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Refusal } from '#lib/errors.ts';
import type { OpenEmpty } from '#test/databases.ts';
import { onBed, until } from './bed.ts';

const night = '0 0 3 * * *';

/** The promises of schedules, on any database. */
export function schedulesSuite(name: string, open: OpenEmpty): void {
  const scheduleTest = onBed(open);

  describe(`a schedule, on ${name}`, () => {
    const submission = { kind: 'count', slot: 'nightly', input: { by: 'schedule' } };

    test(
      'submits its job once at its time in UTC, and once for all the times that it missed',
      scheduleTest(async (bed) => {
        const processes = Array.from({ length: 3 }, () => bed.process(async () => {}));
        const [jobs] = processes;
        assert.ok(jobs !== undefined);
        await jobs.setSchedule('nightly', night, submission);
        assert.equal((await jobs.schedule('nightly'))?.nextAt, Date.UTC(2026, 0, 1, 3));
        for (const one of processes) one.start();
        await pause(50);
        assert.equal((await jobs.list('count', { offset: 0, limit: 10 })).total, 0);
        bed.time.now = Date.UTC(2026, 0, 1, 3);
        await until(() => bed.finished.length === 1);
        assert.equal((await jobs.schedule('nightly'))?.nextAt, Date.UTC(2026, 0, 2, 3));
        bed.time.now = Date.UTC(2026, 0, 9, 12);
        await until(() => bed.finished.length === 2);
        await pause(50);
        const { jobs: done } = await jobs.list('count', { offset: 0, limit: 10 });
        assert.equal(done.length, 2);
        assert.deepEqual(
          done.map(({ origin, input }) => [origin, input]),
          Array(2).fill(['schedule', { by: 'schedule' }]),
        );
      }),
    );

    test(
      'leaves a time out while its last job is open',
      scheduleTest(async (bed) => {
        const gate = Promise.withResolvers<void>();
        const jobs = bed.process(() => gate.promise);
        await jobs.setSchedule('nightly', night, submission);
        jobs.start();
        await jobs.submit(submission);
        bed.time.now = Date.UTC(2026, 0, 1, 3);
        const next = Date.UTC(2026, 0, 2, 3);
        await until(async () => (await jobs.schedule('nightly'))?.nextAt === next);
        gate.resolve();
        await until(() => bed.finished.length === 1);
        assert.equal((await jobs.list('count', { offset: 0, limit: 10 })).total, 1);
      }),
    );

    test(
      'is changed and removed',
      scheduleTest(async (bed) => {
        const jobs = bed.process(async () => {});
        await jobs.setSchedule('nightly', night, submission);
        await jobs.setSchedule('nightly', '0 30 4 * * *', submission);
        assert.equal((await jobs.schedule('nightly'))?.cron, '0 30 4 * * *');
        assert.equal(await jobs.removeSchedule('nightly'), true);
        assert.equal(await jobs.removeSchedule('nightly'), false);
        assert.equal(await jobs.schedule('nightly'), undefined);
      }),
    );

    for (const cron of ['', 'daily', '0 3 * * *', '* * * * * *', '0 61 * * * *', '0 0 0 30 2 *']) {
      test(
        `of ${JSON.stringify(cron)} is refused in a sentence`,
        scheduleTest(async (bed) => {
          const jobs = bed.process(async () => {});
          await assert.rejects(
            jobs.setSchedule('nightly', cron, submission),
            (error) => error instanceof Refusal && error.kind === 'invalid',
          );
          assert.equal(await jobs.schedule('nightly'), undefined);
        }),
      );
    }
  });
}
