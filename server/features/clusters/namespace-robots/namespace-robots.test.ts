import { onBothDatabases } from '#test/databases.ts';
import { namespaceRobotsSuite } from '../testing/namespace-robots.suite.ts';

onBothDatabases(new URL('../testing/writes.suite.ts', import.meta.url), namespaceRobotsSuite);
