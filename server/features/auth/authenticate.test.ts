import { authenticationSuite } from './testing/authentication.suite.ts';
import { openSqlite } from './testing/server.suite.ts';

authenticationSuite('SQLite', openSqlite);
