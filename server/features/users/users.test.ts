import { openSqlite } from '../auth/testing/server.suite.ts';
import { usersSuite } from './testing/users.suite.ts';

usersSuite('SQLite', openSqlite);
