import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenEmpty } from '#test/databases.ts';
import { claimJob, finishJob, keptHistory, renewJob } from '../job-writes.ts';
import { maximumAttempts } from '../jobs.ts';
import { minute, onBed, until } from './bed.ts';

/** Ends when the job is told to. */
function interrupted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
}

/** The promises of jobs, on any database. */
export function jobsSuite(name: string, open: OpenEmpty): void {
  const jobTest = onBed(open);

  describe(`jobs, on ${name}`, () => {
    test(
      'run once, however many processes share the database',
      jobTest(async (bed) => {
        const begun: unknown[] = [];
        const processes = Array.from({ length: 4 }, () =>
          bed.process(async ({ input }) => {
            begun.push(input);
            return { counted: input };
          }),
        );
        const [first] = processes;
        assert.ok(first !== undefined);
        const ids: number[] = [];
        for (let input = 0; input < 40; input++) {
          ids.push((await first.submit({ kind: 'count', input })).id);
        }
        for (const jobs of processes) jobs.start();
        for (const [input, id] of ids.entries()) {
          const job = await bed.ended(first, id);
          assert.equal(job.state, 'succeeded');
          assert.deepEqual(job.result, { counted: input });
        }
        assert.deepEqual(
          begun.toSorted((one, other) => Number(one) - Number(other)),
          Array.from(ids.keys()),
        );
        await until(() => bed.finished.length === 40);
      }),
    );

    test(
      'outlive the process that ran them, whose late word does not count',
      jobTest(async (bed) => {
        const jobs = bed.process(async ({ attempt }) => ({ attempt }));
        const { id } = await jobs.submit({ kind: 'count', input: null });
        const lease = 'of the process that died';
        const claimed = await bed.database.write(claimJob, {
          kinds: ['count'],
          lease,
          leaseUntil: bed.time.now + minute,
          maximumAttempts,
          now: bed.time.now,
        });
        assert.equal(claimed?.id, id);
        jobs.start();
        await pause(50);
        assert.equal((await jobs.find('count', id))?.state, 'running', 'its lease is respected');
        bed.time.now += minute;
        const job = await bed.ended(jobs, id);
        assert.deepEqual(job.result, { attempt: 2 });
        const late = { id, lease, progress: '{}', now: bed.time.now };
        const outcome = { state: 'failed', problem: 'late' } as const;
        assert.equal(await bed.database.write(finishJob, { ...late, outcome }), false);
        const leaseUntil = bed.time.now + minute;
        assert.equal(await bed.database.write(renewJob, { ...late, leaseUntil }), 'lost');
        assert.equal((await jobs.find('count', id))?.state, 'succeeded');
      }),
    );

    test(
      'that end each process are given up',
      jobTest(async (bed) => {
        const jobs = bed.process(async () => assert.fail('it was begun too often'));
        const { id } = await jobs.submit({ kind: 'count', input: null });
        for (let attempt = 1; attempt <= maximumAttempts; attempt++) {
          const claim = { kinds: ['count'], lease: 'dies', leaseUntil: 0, maximumAttempts };
          const claimed = await bed.database.write(claimJob, { ...claim, now: bed.time.now });
          assert.equal(claimed?.attempts, attempt);
        }
        jobs.start();
        const job = await bed.ended(jobs, id);
        assert.equal(job.state, 'failed');
        assert.match(String(job.problem), /each of its 5 attempts/i);
      }),
    );

    test(
      'that fail are tried again after growing pauses, and fail in the end',
      jobTest(async (bed) => {
        const begunAt: number[] = [];
        const jobs = bed.process(async () => {
          begunAt.push(bed.time.now);
          throw new Error('the store is away');
        });
        jobs.start();
        const { id } = await jobs.submit({ kind: 'count', input: null });
        for (let attempt = 1; attempt < maximumAttempts; attempt++) {
          await until(async () => (await jobs.find('count', id))?.state === 'waiting');
          await until(() => bed.finished.length === attempt);
          assert.equal((await jobs.find('count', id))?.problem, 'the store is away');
          while (begunAt.length === attempt) {
            bed.time.now += 1_000;
            await pause(7);
          }
        }
        const job = await bed.ended(jobs, id);
        assert.equal(job.state, 'failed');
        assert.equal(job.problem, 'the store is away');
        const pauses = begunAt.slice(1).map((time, index) => time - (begunAt[index] ?? 0));
        assert.equal(pauses.length, maximumAttempts - 1);
        assert.ok((pauses[0] ?? 0) >= 10_000);
        for (const [index, length] of pauses.slice(1).entries()) {
          assert.ok(length > (pauses[index] ?? 0), `pauses of ${pauses.join(', ')} ms`);
        }
        await until(() => bed.finished.length === maximumAttempts);
        assert.deepEqual(
          bed.finished.map(({ outcome }) => outcome),
          ['retried', 'retried', 'retried', 'retried', 'failed'],
        );
      }),
    );

    test(
      'are cancelled before they begin, and while another process runs them',
      jobTest(async (bed) => {
        const runner = bed.process(({ signal }) => interrupted(signal), 30);
        const other = bed.process(async () => {});
        const { id: waiting } = await other.submit({ kind: 'count', input: null });
        assert.equal(await other.cancel(waiting), 'cancelled');
        assert.equal((await other.find('count', waiting))?.state, 'cancelled');
        assert.equal(await other.cancel(waiting), 'finished');
        assert.equal(await other.cancel(waiting + 1_000), 'unknown');
        runner.start();
        const { id } = await runner.submit({ kind: 'count', input: null });
        await until(async () => (await other.find('count', id))?.state === 'running');
        assert.equal(await other.cancel(id), 'asked');
        assert.equal((await bed.ended(other, id)).state, 'cancelled');
      }),
    );

    test(
      'tell of their progress while they run',
      jobTest(async (bed) => {
        const gate = Promise.withResolvers<void>();
        const jobs = bed.process(async ({ report }) => {
          report({ step: 'counting', done: 1, total: 3 });
          await gate.promise;
          report({ step: 'counting', done: 3, total: 3 });
        }, 30);
        jobs.start();
        const { id } = await jobs.submit({ kind: 'count', input: null });
        await until(async () => (await jobs.find('count', id))?.progress?.done === 1);
        gate.resolve();
        assert.deepEqual((await bed.ended(jobs, id)).progress, {
          step: 'counting',
          done: 3,
          total: 3,
        });
      }),
    );

    test(
      'are given back by a process that stops, as if they had not begun',
      jobTest(async (bed) => {
        const stopping = bed.process(({ signal }) => interrupted(signal));
        stopping.start();
        const { id } = await stopping.submit({ kind: 'count', input: null });
        await until(async () => (await stopping.find('count', id))?.state === 'running');
        await stopping.stop();
        const job = await stopping.find('count', id);
        assert.deepEqual([job?.state, job?.attempts], ['waiting', 0]);
        const next = bed.process(async ({ attempt }) => attempt);
        next.start();
        assert.equal((await bed.ended(next, id)).result, 1);
      }),
    );

    test(
      'of one slot are open one at a time',
      jobTest(async (bed) => {
        const jobs = bed.process(async () => {});
        const submission = { kind: 'count', slot: 'only', input: null };
        const first = await jobs.submit(submission);
        assert.deepEqual(await jobs.submit(submission), { id: first.id, created: false });
        assert.equal((await jobs.submit({ kind: 'count', input: null })).created, true);
        jobs.start();
        await bed.ended(jobs, first.id);
        assert.equal((await jobs.submit(submission)).created, true);
      }),
    );

    test(
      'that ended are kept up to a number',
      jobTest(async (bed) => {
        const jobs = bed.process(async () => {});
        const last = keptHistory + 7;
        for (let job = 0; job < last; job++) await jobs.submit({ kind: 'count', input: job });
        jobs.start();
        await until(() => bed.finished.length === last);
        const { jobs: kept, total } = await jobs.list('count', { offset: 0, limit: 2 });
        assert.equal(total, keptHistory);
        assert.deepEqual(
          kept.map(({ input }) => input),
          [last - 1, last - 2],
        );
      }),
    );
  });
}
