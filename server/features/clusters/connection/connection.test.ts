import { forServersOnBothDatabases } from '#test/databases.ts';
import { agentRequestsSuite } from '../testing/agent-requests.suite.ts';
import { connectionsSuite } from '../testing/connections.suite.ts';
import { reportsSuite } from '../testing/reports.suite.ts';

forServersOnBothDatabases((database, settingsOf) => {
  connectionsSuite(database, settingsOf);
  reportsSuite(database, settingsOf);
  agentRequestsSuite(database, settingsOf);
});
