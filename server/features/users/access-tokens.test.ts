import { openSqlite } from '../auth/testing/server.suite.ts';
import { accessTokensSuite } from './testing/access-tokens.suite.ts';

accessTokensSuite('SQLite', openSqlite);
