import { onBothDatabases } from '#test/databases.ts';
import { upkeepSuite } from './testing/upkeep.suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), upkeepSuite);
