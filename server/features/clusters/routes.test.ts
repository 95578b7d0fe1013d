import { forServersOnBothDatabases } from '#test/databases.ts';
import { clusterRoutesSuite } from './testing/routes.suite.ts';

forServersOnBothDatabases(clusterRoutesSuite);
