import { forServersOnBothDatabases } from '#test/databases.ts';
import { sharingSuite } from './testing/sharing.suite.ts';

forServersOnBothDatabases(sharingSuite);
