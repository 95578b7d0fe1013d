import { onBothDatabases } from '#test/databases.ts';
import { holdersSuite } from './testing/holders.suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), holdersSuite);
