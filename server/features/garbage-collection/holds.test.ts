import { onBothDatabases } from '#test/databases.ts';
import { holdsSuite } from './testing/holds.suite.ts';

onBothDatabases(new URL('./testing/hold-writes.ts', import.meta.url), holdsSuite);
