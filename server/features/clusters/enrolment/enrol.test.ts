import { onBothDatabases } from '#test/databases.ts';
import { clusterBindingsSuite } from '../testing/cluster-bindings.suite.ts';
import { connectTokensSuite } from '../testing/connect-tokens.suite.ts';

onBothDatabases(new URL('../testing/writes.ts', import.meta.url), (name, open) => {
  connectTokensSuite(name, open);
  clusterBindingsSuite(name, open);
});
