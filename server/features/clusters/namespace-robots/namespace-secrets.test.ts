import { forServersOnBothDatabases } from '#test/databases.ts';
import { startServer } from '#test/server.ts';
import { namespaceSecretsSuite } from '../testing/namespace-secrets.suite.ts';

forServersOnBothDatabases((database, settingsOf) => {
  namespaceSecretsSuite(database, async () => startServer(await settingsOf()));
});
