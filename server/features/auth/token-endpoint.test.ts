import { openSqlite } from './testing/server.suite.ts';
import { tokenEndpointSuite } from './testing/token-endpoint.suite.ts';

tokenEndpointSuite('SQLite', openSqlite);
