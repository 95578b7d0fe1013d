import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRobot } from '#features/robots/writes';
import type { Database } from '#server/database/database.ts';
import type { BerthEvent } from '#server/events/events.ts';
import { createOutbox } from '#server/events/outbox.ts';
import { createJobs, type Jobs } from '#server/jobs/jobs.ts';
import { waitFor } from '#test/processes.ts';
import { createExpiryAnnouncements, expiryKind } from '../expiry-announcements.ts';

const hour = 60 * 60_000;
const day = 24 * hour;
const start = Date.UTC(2026, 0, 1, 12);

/** @param open opens an empty database of the whole server, which `remove` takes away */
export function expiryAnnouncementsSuite(
  name: string,
  open: () => Promise<{ database: Database; remove: () => Promise<void> }>,
): void {
  async function addRobot(database: Database, robot: string, endsAt: number, disabled = false) {
    const duration = 100;
    await database.write(createRobot, {
      name: robot,
      project: undefined,
      description: '',
      secretHmac: new Uint8Array(32),
      duration,
      disabled,
      permissions: '[]',
      creator: 'admin',
      now: endsAt - duration * day,
    });
  }

  describe(`what ends soon, on ${name}`, () => {
    test('is announced at four moments each, by a warning and an event, however often it is looked for', async () => {
      const { database, remove } = await open();
      const time = { now: start };
      const warned: string[] = [];
      const processes: Jobs[] = [];
      const startProcess = () => {
        const handler = createExpiryAnnouncements({
          database,
          certificates: () => [
            {
              certificate: 'leaf',
              fingerprint: 'AB:CD',
              beginsAt: start - day,
              endsAt: start + 10 * day,
            },
          ],
          robotName: (stored) => `robot+${stored}`,
          onExpiring: ({ message }) => warned.push(message),
        });
        const jobs = createJobs({
          database,
          handlers: [handler],
          onFinished: () => {},
          report: ({ error }) => assert.fail(String(error)),
          now: () => time.now,
          interval: 5,
        });
        jobs.start();
        processes.push(jobs);
        return jobs;
      };
      const heard: BerthEvent[] = [];
      const outbox = createOutbox({
        database,
        subscribers: [
          {
            name: 'listener',
            async hear(event) {
              heard.push(event);
            },
          },
        ],
        report: ({ error }) => assert.fail(String(error)),
        now: () => time.now,
      });
      try {
        await addRobot(database, 'soon', start + 20 * day);
        await addRobot(database, 'late', start + 40 * day);
        await addRobot(database, 'ended', start - 3 * day);
        await addRobot(database, 'disabled', start + 2 * day, true);
        let jobs = startProcess();
        startProcess();
        for (let look = 0; look < 70; look += 1) {
          // A restart must not announce everything again.
          if (look % 20 === 10) jobs = startProcess();
          const { id } = await jobs.submit({ kind: expiryKind, slot: expiryKind, input: {} });
          await waitFor(async () => (await jobs.find(expiryKind, id))?.state === 'succeeded', {
            what: 'the announcements',
          });
          time.now += 15 * hour;
        }
        const about = (robot: string) => warned.filter((message) => message.includes(robot));
        assert.equal(about('robot+soon').length, 4, warned.join('\n'));
        assert.equal(about('robot+late').length, 4, warned.join('\n'));
        assert.equal(about('certificate of the server').length, 4, warned.join('\n'));
        assert.equal(warned.length, 12);
        assert.match(
          about('robot+soon')[0] ?? '',
          /^The secret of robot\+soon ends on 2026-01-21T12:00:00\.000Z: .* berth robot refresh robot\+soon/,
        );
        assert.match(about('robot+soon')[3] ?? '', /ended on/);

        outbox.start();
        await outbox.settled();
        assert.equal(heard.length, 12);
        assert.deepEqual(
          heard.find(({ type }) => type === 'robot.expiring'),
          { type: 'robot.expiring', robot: 'robot+soon', expiresAt: start + 20 * day },
        );
      } finally {
        await outbox.stop();
        await Promise.all(processes.map((jobs) => jobs.stop()));
        await database.close();
        await remove();
      }
    });
  });
}
