import { onBothDatabases } from '#test/databases.ts';
import { jobsSuite } from './testing/jobs.suite.ts';
import { schedulesSuite } from './testing/schedules.suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), (name, open) => {
  jobsSuite(name, open);
  schedulesSuite(name, open);
});
