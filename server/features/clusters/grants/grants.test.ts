import { forServersOnBothDatabases } from '#test/databases.ts';
import { startServer } from '#test/server.ts';
import { grantsSuite } from '../testing/grants.suite.ts';

forServersOnBothDatabases((database, settingsOf) => {
  grantsSuite(database, async () => startServer(await settingsOf()));
});
