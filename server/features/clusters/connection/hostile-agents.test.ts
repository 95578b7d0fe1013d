import { forServersOnBothDatabases } from '#test/databases.ts';
import { hostileAgentsSuite } from '../testing/hostile-agents.suite.ts';

forServersOnBothDatabases(hostileAgentsSuite);
