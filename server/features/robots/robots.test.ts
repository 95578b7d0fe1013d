import { openSqlite } from '../auth/testing/server.suite.ts';
import { robotRightsSuite } from './testing/robot-rights.suite.ts';
import { robotsSuite } from './testing/robots.suite.ts';

robotsSuite('SQLite', openSqlite);
robotRightsSuite('SQLite', openSqlite);
