import { forServersOnBothDatabases } from '#test/databases.ts';
import { workersSuite } from './testing/workers.suite.ts';

forServersOnBothDatabases(workersSuite);
