import { onBothDatabases } from '#test/databases.ts';
import { expiryAnnouncementsSuite } from './testing/expiry-announcements.suite.ts';

onBothDatabases(new URL('../../app/writes.ts', import.meta.url), expiryAnnouncementsSuite);
