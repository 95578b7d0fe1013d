import { forServersOnBothDatabases } from '#test/databases.ts';
import { startServer } from '#test/server.ts';
import { workloadIdentitySuite } from '../testing/workload-identity.suite.ts';

forServersOnBothDatabases((database, settingsOf) => {
  workloadIdentitySuite(database, async () => startServer(await settingsOf()));
});
