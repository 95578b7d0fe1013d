import { onBothDatabases } from '#test/databases.ts';
import { outboxSuite } from './testing/outbox-suite.ts';

onBothDatabases(new URL('./testing/writes.ts', import.meta.url), outboxSuite);
