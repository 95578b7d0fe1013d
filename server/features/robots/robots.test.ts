import { openSqlite } from '../auth/testing/server.suite.ts';
import { robotsSuite } from './testing/robots.suite.ts';

robotsSuite('SQLite', openSqlite);
