import { onBothDatabases } from '#test/databases.ts';
import { stateSuite } from './testing/state.suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), stateSuite);
