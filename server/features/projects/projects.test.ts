import { memberRoutesSuite } from './testing/member-routes.suite.ts';
import { projectRoutesSuite } from './testing/project-routes.suite.ts';
import { repositoryRoutesSuite } from './testing/repository-routes.suite.ts';
import { startOnSqlite } from './testing/server.ts';

projectRoutesSuite('SQLite', startOnSqlite);
memberRoutesSuite('SQLite', startOnSqlite);
repositoryRoutesSuite('SQLite', startOnSqlite);
