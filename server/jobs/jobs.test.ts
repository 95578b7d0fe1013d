import { onBothDatabases } from '#test/databases.ts';
import { jobsSuite } from './testing/jobs.suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), jobsSuite);
