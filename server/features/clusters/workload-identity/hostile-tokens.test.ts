import { forServersOnBothDatabases } from '#test/databases.ts';
import { startServer } from '#test/server.ts';
import { hostileTokensSuite } from '../testing/hostile-tokens.suite.ts';

forServersOnBothDatabases((database, settingsOf) =>
  hostileTokensSuite(database, async () => startServer(await settingsOf())),
);
